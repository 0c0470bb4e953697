/** Every check of `olly doctor`, in the order in which they are shown. */
import type { Check } from "./check.ts";
import { agentPlace } from "./checks/agent-place.ts";
import { agentRunning } from "./checks/agent-running.ts";
import { cLibrary } from "./checks/c-library.ts";
import { datagramQueue } from "./checks/datagram-queue.ts";
import { drops } from "./checks/drops.ts";
import { exporters } from "./checks/exporters.ts";
import { kernel } from "./checks/kernel.ts";
import { libraryDirectory } from "./checks/library-directory.ts";
import { memoryFile } from "./checks/memory-file.ts";
import { processes } from "./checks/processes.ts";
import { systemPreload } from "./checks/system-preload.ts";

export const checks: readonly Check[] = [
  kernel,
  cLibrary,
  libraryDirectory,
  memoryFile,
  datagramQueue,
  systemPreload,
  agentRunning,
  agentPlace,
  exporters,
  drops,
  processes,
];
