/**
 * The agent: the pipeline between the hook socket and the exporters, and the loop that moves it.
 * Invariant: whatever start has begun, stop ends, in the opposite order, and what was captured
 * before stop is exported or counted.
 */
import { dirname, join } from "node:path";
import type { Config } from "./config/schema.ts";
import { createExporter, type Exporter, type ExportSettings } from "./export/exporter.ts";
import { ControlPage } from "./hook/control-page.ts";
import { Intake, type IntakeSource } from "./hook/intake.ts";
import { OpenFiles } from "./host/open-files.ts";
import { hookedProcessOf } from "./host/process-resource.ts";
import { createSystemClock } from "./lib/clock.ts";
import { createIdSource } from "./lib/ids.ts";
import type { CapturePolicy } from "./protocols/contract.ts";
import { protocols } from "./protocols/index.ts";
import { Pipeline } from "./pipeline.ts";
import { Drops } from "./self/drops.ts";
import type { SelfLog } from "./self/log.ts";
import type { AgentStatus } from "./self/status.ts";
import { StatusServer } from "./self/status-server.ts";
import { endpointsOf } from "./wire/address.ts";
