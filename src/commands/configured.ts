/** The configuration and the log of a command. Invariant: what is odd in it is said in the log. */
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { type ExporterFallback, type Layer, printableSettings } from "../config/schema.ts";
import { createSelfLog, type SelfLog } from "../self/log.ts";
import type { CommandContext } from "./command.ts";

export interface ConfigRequest {
  readonly file: string | undefined;
  readonly directory: string | undefined;
  readonly defaults?: Layer;
  readonly flags?: Layer;
  readonly fallback: ExporterFallback;
  /** True for a log with times, false for lines at a terminal. */
  readonly stamped: boolean;
}

/** Loads the configuration and opens the log that it asks for. @throws ConfigError */
export function configured(
  request: ConfigRequest,
  context: CommandContext,
): LoadedConfig & { readonly log: SelfLog } {
  const loaded = loadConfig({ ...request, ...context });
  const { config, settings, warnings, files } = loaded;
  const log = createSelfLog({
    level: config.hook.debug ? "debug" : config.logLevel,
    stamped: request.stamped,
    write: context.stderr,
  });
  for (const warning of warnings) log.warn(warning);
  const shown = JSON.stringify(printableSettings(settings));
  log.debug(`configuration of ${files.join(", ") || "no file"}: ${shown}`);
  return { ...loaded, log };
}
