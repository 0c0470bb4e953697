/**
 * A hooked process as OpenTelemetry's resource. Invariant: what the process says of itself
 * (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) wins over configuration and discovery, and the
 * agent's own attributes never appear.
 */
import { parseKeyValueList } from "../lib/key-value-list.ts";
import { uuidV5 } from "../lib/uuid.ts";
import type { Attribute, AttributeValue } from "../model/attributes.ts";
import type { HookedProcess } from "../model/process.ts";
import type { ProcessHello } from "../model/process-hello.ts";
import {
  ATTR_CONTAINER_ID,
  ATTR_PROCESS_COMMAND,
  ATTR_PROCESS_CREATION_TIME,
  ATTR_PROCESS_EXECUTABLE_NAME,
  ATTR_PROCESS_EXECUTABLE_PATH,
  ATTR_PROCESS_OWNER,
  ATTR_PROCESS_PID,
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_TELEMETRY_SDK_LANGUAGE,
  ATTR_TELEMETRY_SDK_NAME,
  ATTR_TELEMETRY_SDK_VERSION,
  SERVICE_INSTANCE_NAMESPACE,
  UNKNOWN_SERVICE,
} from "../semconv/resource.ts";
import { VERSION } from "../version.ts";
import { type HostFacts, readHostFacts } from "./host-facts.ts";
import { type ProcessFacts, readProcessFacts } from "./process-facts.ts";
import { type HostFiles, systemFiles } from "./process-files.ts";
import { baseName, runtimeOf } from "./runtime.ts";
import { discoverServiceName } from "./service-name.ts";

export interface ProcessResourceOptions {
  /** Name of processes that do not say their own; undefined: discovered. */
  readonly serviceName: string | undefined;
  /** Below everything else that is known of a process. */
  readonly resourceAttributes: readonly Attribute[];
  /** Told what had to be ignored, a line each. */
  readonly report: (line: string) => void;
  /** The host's files; the system's when left out. */
  readonly files?: HostFiles;
}

/** Clock ticks per second as /proc states them (USER_HZ), 100 on every Linux port of ours. */
const TICKS_PER_SECOND = 100;
/** The library sends no more of a variable or an argument; then /proc is asked for the whole. */
const VARIABLE_BYTES_MAX = 4_095;
const ARGUMENTS_MAX = 8;
const ARGUMENT_BYTES_MAX = 255;

/** Makes a HookedProcess of each hello; host facts are read once. */
export class ProcessResources {
  readonly #options: ProcessResourceOptions;
  readonly #files: HostFiles;
  #host: HostFacts | undefined;

  constructor(options: ProcessResourceOptions) {
    this.#options = options;
    this.#files = options.files ?? systemFiles;
  }

  /** `id` is the agent-wide number of the process, `pid` the kernel's. */
  processOf(id: number, pid: number, hello: ProcessHello): HookedProcess {
    this.#host ??= readHostFacts(this.#files);
    const facts = readProcessFacts(pid, this.#files);
    const args = this.#argumentsOf(pid, hello);
    const executable = hello.executable || (this.#files.link(`/proc/${pid}/exe`) ?? "");
    const stated = this.#statedAttributes(pid, hello);
    const serviceName = this.#serviceName(
      pid,
      { executable, args, environment: hello.environment },
      stated,
    );
    const attributes = new Map<string, AttributeValue>(this.#options.resourceAttributes);
    for (const [key, value] of this.#host.attributes) attributes.set(key, value);
    addProcess(attributes, { pid, executable, args, facts, host: this.#host });
    for (const [key, value] of stated) attributes.set(key, value);
    attributes.delete(ATTR_SERVICE_NAME);
    const resource = {
      attributes: [[ATTR_SERVICE_NAME, serviceName], ...attributes] as Attribute[],
    };
    return { id, pid, executable, args: hello.args, serviceName, resource };
  }

  /** What the process's own OTEL_RESOURCE_ATTRIBUTES says. */
  #statedAttributes(pid: number, hello: ProcessHello): ReadonlyMap<string, string> {
    const text = this.#variableOf(pid, hello, "OTEL_RESOURCE_ATTRIBUTES");
    const stated = parseKeyValueList(text);
    if (stated === undefined) {
      const who = `process ${pid} (${baseName(hello.executable)})`;
      this.#options.report(`OTEL_RESOURCE_ATTRIBUTES of ${who} is malformed and ignored`);
    }
    return stated ?? new Map();
  }

  #serviceName(pid: number, hello: ProcessHello, stated: ReadonlyMap<string, string>): string {
    const own = hello.environment.get("OTEL_SERVICE_NAME") || stated.get(ATTR_SERVICE_NAME);
    const given = own || this.#options.serviceName;
    if (given !== undefined && given !== "") return given;
    const discovered = discoverServiceName({
      executable: hello.executable,
      args: hello.args,
      directory: this.#files.link(`/proc/${pid}/cwd`),
      packageName: (path) => packageNameIn(this.#files.text(`/proc/${pid}/root${path}`)),
    });
    return discovered ?? UNKNOWN_SERVICE;
  }

  #argumentsOf(pid: number, hello: ProcessHello): readonly string[] {
    const cut =
      hello.args.length >= ARGUMENTS_MAX ||
      hello.args.some((arg) => Buffer.byteLength(arg) >= ARGUMENT_BYTES_MAX);
    if (!cut) return hello.args;
    const line = this.#files.text(`/proc/${pid}/cmdline`)?.replace(/\0$/, "").split("\0");
    return line !== undefined && line.length >= hello.args.length ? line : hello.args;
  }

  #variableOf(pid: number, hello: ProcessHello, name: string): string {
    const value = hello.environment.get(name) ?? "";
    if (Buffer.byteLength(value) < VARIABLE_BYTES_MAX) return value;
    const entries = this.#files.text(`/proc/${pid}/environ`)?.split("\0") ?? [];
    const entry = entries.find((one) => one.startsWith(`${name}=`));
    return entry?.slice(name.length + 1) ?? value;
  }
}

interface KnownProcess {
  readonly pid: number;
  readonly executable: string;
  readonly args: readonly string[];
  readonly facts: ProcessFacts;
  readonly host: HostFacts;
}

function addProcess(attributes: Map<string, AttributeValue>, known: KnownProcess): void {
  const { pid, executable, args, facts, host } = known;
  const name = baseName(executable);
  attributes.set(ATTR_SERVICE_INSTANCE_ID, instanceIdOf(known));
  attributes.set(ATTR_PROCESS_PID, pid);
  if (facts.startTicks !== undefined && host.bootSeconds !== undefined) {
    const milliseconds = (host.bootSeconds + facts.startTicks / TICKS_PER_SECOND) * 1_000;
    attributes.set(ATTR_PROCESS_CREATION_TIME, new Date(milliseconds).toISOString());
  }
  if (executable !== "") {
    attributes.set(ATTR_PROCESS_EXECUTABLE_NAME, name);
    attributes.set(ATTR_PROCESS_EXECUTABLE_PATH, executable);
  }
  if (args[0] !== undefined) attributes.set(ATTR_PROCESS_COMMAND, args[0]);
  if (facts.owner !== undefined) attributes.set(ATTR_PROCESS_OWNER, facts.owner);
  if (facts.containerId !== undefined) attributes.set(ATTR_CONTAINER_ID, facts.containerId);
  attributes.set(ATTR_TELEMETRY_SDK_NAME, "olly");
  attributes.set(ATTR_TELEMETRY_SDK_LANGUAGE, runtimeOf(name) ?? "native");
  attributes.set(ATTR_TELEMETRY_SDK_VERSION, VERSION);
}

/** The same for every agent that sees this process: host, pid and start tell processes apart. */
function instanceIdOf({ pid, facts, host }: KnownProcess): string {
  const machine = host.hostId ?? String(host.attributes[0]?.[1] ?? "");
  const started = `${host.bootSeconds ?? ""}.${facts.startTicks ?? ""}`;
  return uuidV5(SERVICE_INSTANCE_NAMESPACE, `${machine}/${pid}/${started}`);
}

function packageNameIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    const manifest: unknown = JSON.parse(text);
    const named = typeof manifest === "object" && manifest !== null && "name" in manifest;
    return named && typeof manifest.name === "string" && manifest.name !== ""
      ? manifest.name
      : undefined;
  } catch {
    return undefined; // not JSON: no name
  }
}
