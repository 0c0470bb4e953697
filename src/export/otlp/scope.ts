/** The instrumentation scope that all telemetry of olly states. */
import { VERSION } from "../../version.ts";

export const SCOPE_NAME = "olly";

export const SCOPE_VERSION = VERSION;
