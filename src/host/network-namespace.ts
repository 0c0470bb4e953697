/**
 * Which network a process is on: 127.0.0.1:8080 is another server in each container. Invariant:
 * the agent's own network is "", and so is one that cannot be told.
 */
import { readlinkSync } from "node:fs";

/** The network namespace of a process as the kernel names it (net:[4026531840]). */
export function networkNamespaceOf(pid: number): string {
  const namespace = namespaceOf(String(pid));
  return namespace === namespaceOf("self") ? "" : namespace;
}

function namespaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return ""; // it has ended, or is not ours to look at
  }
}
