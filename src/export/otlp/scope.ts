/** The instrumentation scope that all telemetry of olly states. */
import manifest from "../../../package.json" with { type: "json" };

export const SCOPE_NAME = "olly";

export const SCOPE_VERSION: string = manifest.version;
