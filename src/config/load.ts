/**
 * Loads the configuration: defaults < files < environment < flags, a pure merge of layers.
 * Invariant: either a complete, checked configuration comes out or all its problems at once.
 */
import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { reasonOf } from "../lib/setup-error.ts";
import { limits } from "../limits.ts";
import { ConfigError } from "./config-error.ts";
import { type Environment, environmentLayer } from "./environment-layer.ts";
import { defaultSocketPath } from "./paths.ts";
import {
  type Config,
  type ConfigKey,
  configKeys,
  configOf,
  type ExporterFallback,
  type Layer,
  relationProblems,
  type Settings,
} from "./schema.ts";
import { yamlLayer } from "./yaml-layer.ts";

/** In the order in which they are merged; a later file wins. */
export const directoryFiles = [
  "base.yaml",
  "traces.yaml",
  "metrics.yaml",
  "logs.yaml",
  "profiles.yaml",
] as const;

export interface LoadOptions {
  /** --config; at most one of file and directory. */
  readonly file?: string | undefined;
  /** --config-dir. */
  readonly directory?: string | undefined;
  readonly environment: Environment;
  readonly uid: number;
  /** Where relative paths begin. */
  readonly workingDirectory: string;
  /** Other defaults than the schema's, for one command. */
  readonly defaults?: Layer;
  readonly flags?: Layer;
  readonly fallback: ExporterFallback;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The merged values by key, for showing them. */
  readonly settings: Settings;
  readonly warnings: readonly string[];
  /** Files that were read. */
  readonly files: readonly string[];
}

/** @throws ConfigError with every problem of every source. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const problems: string[] = [];
  const files = filesOf(options, problems);
  const layers = files.map(({ path, content }) => yamlLayer(path, content, problems));
  const environment = environmentLayer(options.environment);
  problems.push(...environment.problems);
  const merged = mergeSettings([
    options.defaults ?? {},
    ...layers,
    environment.layer,
    options.flags ?? {},
  ]);
  const settings = absolutePaths(merged, options.workingDirectory, problems);
  for (const [key, problem] of relationProblems(settings)) problems.push(`${key}: ${problem}`);
  if (problems.length > 0) throw new ConfigError(problems);
  const config = configOf(settings, {
    resourceAttributes: environment.resourceAttributes,
    defaultSocketPath: defaultSocketPath(options),
    fallback: options.fallback,
  });
  return { config, settings, warnings: environment.warnings, files: files.map((one) => one.path) };
}

/** Later layers win, key by key; what none of them says is the schema's default. */
export function mergeSettings(layers: readonly Layer[]): Settings {
  const initial = Object.fromEntries(
    Object.entries(configKeys).map(([path, key]) => [path, key.initial]),
  ) as Settings;
  return Object.assign({}, initial, ...layers) as Settings;
}

/** A hooked program has another working directory than the agent. */
function absolutePaths(settings: Settings, directory: string, problems: string[]): Settings {
  const absolute: Record<string, string> = {};
  for (const key of ["hook.socket_path", "exporters.file.path"] as const) {
    const path = settings[key];
    if (path === undefined) continue;
    absolute[key] = resolve(directory, path);
    if (absolute[key] !== path) checkAgain(key, absolute[key], problems);
  }
  return { ...settings, ...absolute };
}

function checkAgain(key: ConfigKey, path: string, problems: string[]): void {
  const parsed = configKeys[key].ofYaml(path);
  if ("problem" in parsed) problems.push(`${key}: ${parsed.problem}`);
}

interface ConfigFile {
  readonly path: string;
  readonly content: string;
}

function filesOf(options: LoadOptions, problems: string[]): ConfigFile[] {
  const { file, directory } = options;
  if (file !== undefined && directory !== undefined) {
    problems.push("--config and --config-dir cannot be used together");
    return [];
  }
  if (file !== undefined) return read(file, problems) ?? [];
  if (directory === undefined) return [];
  return filesOfDirectory(directory, problems);
}

function filesOfDirectory(directory: string, problems: string[]): ConfigFile[] {
  const before = problems.length;
  const files = directoryFiles.flatMap((name) => read(join(directory, name), problems, true) ?? []);
  if (files.length === 0 && problems.length === before) {
    problems.push(`${directory}: holds none of ${directoryFiles.join(", ")}`);
  }
  return files;
}

function read(path: string, problems: string[], mayMiss = false): ConfigFile[] | undefined {
  try {
    const stat = statSync(path);
    if (!stat.isFile() && !stat.isFIFO()) throw new Error("it is not a file");
    if (stat.size > limits.configFileBytesMax) throw new Error("it is larger than 1 MiB");
    return [{ path, content: readFileSync(path, "utf8") }];
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!(mayMiss && missing)) problems.push(`${path}: cannot be read: ${reasonOf(error)}`);
    return undefined;
  }
}
