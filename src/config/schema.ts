/**
 * Every configuration key: the single source for reading files, variables and flags, for the
 * defaults, and for the examples' check. Invariant: each key that is listed has an effect.
 */
import type { Attribute } from "../model/attributes.ts";
import { type ProcessRules, ruleActions } from "../model/process-rule.ts";
import type { RouteSettings } from "../model/route.ts";
import { type LogLevel, logLevels } from "../self/log.ts";
import {
  automaticFlag,
  choice,
  duration,
  endpoint,
  flag,
  type HeaderMap,
  headers,
  type Key,
  text,
  type ValueOf,
} from "./key.ts";
import { socketPathProblem } from "./paths.ts";
import { processRules } from "./process-rules.ts";
import { protocolKeys, protocolSwitches } from "./protocol-keys.ts";
import { routeTemplates } from "./route-templates.ts";

/** OTLP over gRPC, where nothing else is said (OpenTelemetry protocol/exporter.md). */
export const DEFAULT_OTLP_ENDPOINT = "http://localhost:4317";
const OTLP_TIMEOUT_MS = 10_000;

export const stdoutFormats = ["pretty", "json"] as const;
export type StdoutFormat = (typeof stdoutFormats)[number];

/** inherit: what the program passes; always: hooked too; never: not hooked. */
const childrenChoices = ["inherit", "always", "never"] as const;

export const configKeys = {
  service_name: text("Name of a program that does not say its own.", {
    initial: undefined,
    environment: ["OTEL_SERVICE_NAME"],
  }),
  log_level: choice("What olly says of itself on stderr.", logLevels, { initial: "info" }),
  "hook.enabled": flag("False: programs are run without the library, nothing is captured.", {
    initial: true,
  }),
  "hook.socket_path": text("The socket at which the library finds the agent.", {
    initial: undefined,
    environment: ["OLLY_SOCKET"],
    expects: "a path",
    problemOf: socketPathProblem,
  }),
  "hook.on_demand": flag("Start dormant; `olly trace start` begins.", { initial: false }),
  "hook.log_capture": flag("Capture what programs write to stdout, stderr and log files.", {
    initial: true,
  }),
  "hook.processes.rules": processRules("Which processes are traced; the first that matches."),
  "hook.processes.default": choice("For a process that no rule matches.", ruleActions, {
    initial: "allow",
  }),
  "hook.children": choice("What programs that a hooked one starts inherit.", childrenChoices, {
    initial: "inherit",
  }),
  "hook.debug": flag("The library and the agent say what they do.", {
    initial: false,
    environment: ["OLLY_DEBUG"],
  }),
  "tracing.enabled": flag("Make spans.", { initial: true }),
  ...protocolKeys,
  "tracing.protocols.genai.content": flag(
    "What is asked of models and answered (gen_ai.input.messages and the like).",
    { initial: false },
  ),
  "tracing.routes.enabled": flag("Name requests by their routes; else by their methods.", {
    initial: true,
  }),
  "tracing.routes.templates": routeTemplates("Routes; of those that fit, the most specific."),
  "tracing.routes.learn": flag("Learn the routes that no template fits from the paths.", {
    initial: true,
  }),
  "tracing.routes.clients": flag("The same for calls of clients (url.template).", {
    initial: false,
  }),
  "exporters.otlp.enabled": automaticFlag("Send over OTLP/gRPC; on when an endpoint is given."),
  "exporters.otlp.endpoint": endpoint("Where an OTLP/gRPC receiver listens.", {
    initial: undefined,
    environment: ["OTEL_EXPORTER_OTLP_ENDPOINT"],
  }),
  "exporters.otlp.headers": headers("Sent with every request, such as credentials.", {
    initial: {},
    environment: ["OTEL_EXPORTER_OTLP_HEADERS"],
  }),
  "exporters.otlp.timeout": duration("How long one request may take; 0s = no limit.", {
    initial: OTLP_TIMEOUT_MS,
    environment: ["OTEL_EXPORTER_OTLP_TIMEOUT"],
  }),
  "exporters.otlp.compression": choice("Of requests.", ["none", "gzip"], {
    initial: "none",
    environment: ["OTEL_EXPORTER_OTLP_COMPRESSION"],
  }),
  "exporters.stdout.enabled": flag("Print to the console.", { initial: false }),
  "exporters.stdout.format": choice("For people, or OTLP/JSON lines.", stdoutFormats, {
    initial: "pretty",
  }),
  "exporters.file.enabled": automaticFlag("Write OTLP/JSON lines; on when a path is given."),
  "exporters.file.path": text("The file that is written.", {
    initial: undefined,
    expects: "a path",
  }),
} as const satisfies Readonly<Record<string, Key<unknown>>>;

export type ConfigKey = keyof typeof configKeys;
/** One value for each key. */
export type Settings = { readonly [Path in ConfigKey]: ValueOf<(typeof configKeys)[Path]> };
/** What one source says: a file, the environment, the flags. */
export type Layer = Partial<Settings>;

/** Parts of the configuration that later versions bring; said so instead of "unknown". */
export const laterSections: readonly string[] = [
  "metrics",
  "logs",
  "profiling",
  "discovery",
  "correlation",
];

export interface OtlpConfig {
  readonly enabled: boolean;
  /** URL with a scheme, http for plaintext. */
  readonly endpoint: string;
  readonly headers: HeaderMap;
  /** 0 = no limit. */
  readonly timeoutMs: number;
  readonly compression: "none" | "gzip";
}

export interface Config {
  /** For processes that do not name themselves; undefined: discovered. */
  readonly serviceName: string | undefined;
  /** For every process, below its own OTEL_RESOURCE_ATTRIBUTES. */
  readonly resourceAttributes: readonly Attribute[];
  readonly logLevel: LogLevel;
  readonly hook: {
    readonly enabled: boolean;
    readonly socketPath: string;
    readonly onDemand: boolean;
    readonly logCapture: boolean;
    readonly processes: ProcessRules;
    readonly children: (typeof childrenChoices)[number];
    readonly debug: boolean;
  };
  readonly tracing: {
    readonly enabled: boolean;
    /** By the id of a protocol, or of an overlay on HTTP. */
    readonly protocols: Readonly<Record<string, { readonly enabled: boolean }>>;
    /** What is asked of models and answered is told. */
    readonly genAiContent: boolean;
    readonly routes: RouteSettings & { readonly enabled: boolean };
  };
  readonly exporters: {
    readonly otlp: OtlpConfig;
    readonly stdout: { readonly enabled: boolean; readonly format: StdoutFormat };
    readonly file: { readonly enabled: boolean; readonly path: string | undefined };
  };
}

/** Where captured data goes when nobody has said so. */
export type ExporterFallback = "otlp" | "stdout" | "none";

export interface ConfigContext {
  readonly resourceAttributes: readonly Attribute[];
  readonly defaultSocketPath: string;
  readonly fallback: ExporterFallback;
}

/** The settings as the agent uses them. */
export function configOf(settings: Settings, context: ConfigContext): Config {
  const fallback = namesNoExporter(settings) ? context.fallback : "none";
  return {
    serviceName: settings.service_name,
    resourceAttributes: context.resourceAttributes,
    logLevel: settings.log_level,
    hook: {
      enabled: settings["hook.enabled"],
      socketPath: settings["hook.socket_path"] ?? context.defaultSocketPath,
      onDemand: settings["hook.on_demand"],
      logCapture: settings["hook.log_capture"],
      processes: {
        rules: settings["hook.processes.rules"],
        otherwise: settings["hook.processes.default"],
      },
      children: settings["hook.children"],
      debug: settings["hook.debug"],
    },
    tracing: {
      enabled: settings["tracing.enabled"],
      protocols: protocolSwitches(settings),
      genAiContent: settings["tracing.protocols.genai.content"],
      routes: {
        enabled: settings["tracing.routes.enabled"],
        templates: settings["tracing.routes.templates"],
        learn: settings["tracing.routes.learn"],
        clients: settings["tracing.routes.clients"],
      },
    },
    exporters: {
      otlp: {
        enabled:
          settings["exporters.otlp.enabled"] ??
          (settings["exporters.otlp.endpoint"] !== undefined || fallback === "otlp"),
        endpoint: settings["exporters.otlp.endpoint"] ?? DEFAULT_OTLP_ENDPOINT,
        headers: settings["exporters.otlp.headers"],
        timeoutMs: settings["exporters.otlp.timeout"],
        compression: settings["exporters.otlp.compression"],
      },
      stdout: {
        enabled: settings["exporters.stdout.enabled"] || fallback === "stdout",
        format: settings["exporters.stdout.format"],
      },
      file: {
        enabled:
          settings["exporters.file.enabled"] ?? settings["exporters.file.path"] !== undefined,
        path: settings["exporters.file.path"],
      },
    },
  };
}

function namesNoExporter(settings: Settings): boolean {
  return (
    settings["exporters.otlp.enabled"] === undefined &&
    settings["exporters.otlp.endpoint"] === undefined &&
    !settings["exporters.stdout.enabled"] &&
    settings["exporters.file.enabled"] !== true &&
    settings["exporters.file.path"] === undefined
  );
}

/** What no single key can say about itself; key path and sentence each. */
export function relationProblems(settings: Settings): [key: ConfigKey, problem: string][] {
  const fileWithoutPath =
    settings["exporters.file.enabled"] === true && settings["exporters.file.path"] === undefined;
  return fileWithoutPath
    ? [["exporters.file.path", "is needed because exporters.file.enabled is true"]]
    : [];
}

/** Key paths with their values, secrets as stars: what may be printed or logged. */
export function printableSettings(settings: Settings): Readonly<Record<string, unknown>> {
  const shown: Record<string, unknown> = {};
  for (const path of Object.keys(configKeys) as ConfigKey[]) {
    const value = settings[path];
    shown[path] = configKeys[path].secret ? masked(value) : value;
  }
  return shown;
}

function masked(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value === undefined ? value : "****";
  return Object.fromEntries(Object.keys(value).map((name) => [name, "****"]));
}
