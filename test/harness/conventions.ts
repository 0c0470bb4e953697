/**
 * What the semantic conventions 1.44.0 ask of spans and resources, written from them and not from
 * the product. Invariant: each function gives the faults it finds, in words; none = as it must be.
 */
import { type Attributes, Kind, type SpanRecord } from "./otlp-file.ts";

type Type = "string" | "number";

const SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0";
const STATUS_UNSET = 0;
const STATUS_ERROR = 2;
/** Sampled and random, and known whether the parent is remote. */
const FLAGS = 0x103;
const REMOTE = 0x200;

interface HttpTable {
  readonly required: readonly string[];
  readonly allowed: Readonly<Record<string, Type>>;
}

const COMMON: Record<string, Type> = {
  "http.request.method": "string",
  "http.request.method_original": "string",
  "http.response.status_code": "number",
  "error.type": "string",
  "server.address": "string",
  "server.port": "number",
  "network.peer.address": "string",
  "network.peer.port": "number",
  "network.protocol.version": "string",
  "olly.exchange.outcome": "string",
};

const HTTP: Readonly<Record<number, HttpTable>> = {
  [Kind.client]: {
    required: ["http.request.method", "server.address", "server.port", "url.full"],
    allowed: { ...COMMON, "url.full": "string" },
  },
  [Kind.server]: {
    required: ["http.request.method", "url.scheme", "url.path"],
    allowed: {
      ...COMMON,
      "url.scheme": "string",
      "url.path": "string",
      "url.query": "string",
      "user_agent.original": "string",
      "client.address": "string",
      "http.route": "string",
      "olly.http.route.learnt": "string",
    },
  },
};

/** Faults of an HTTP span: attributes and their types, name, status, flags, times. */
export function faultsOfHttp(span: SpanRecord): string[] {
  const table = HTTP[span.kind];
  if (table === undefined) {
    return [`kind ${span.kind}`];
  }
  const { attributes } = span;
  const faults = faultsOfTypes(attributes, table.allowed);
  for (const key of table.required) {
    if (attributes[key] === undefined) {
      faults.push(`${key} is missing`);
    }
  }
  const method = attributes["http.request.method"];
  const route = attributes["http.route"] ?? attributes["olly.http.route.learnt"];
  const shown = method === "_OTHER" ? "HTTP" : method;
  const name = route === undefined ? shown : `${shown} ${route}`;
  if (attributes["http.route"] !== undefined && attributes["olly.http.route.learnt"]) {
    faults.push("two routes");
  }
  if (span.name !== name) {
    faults.push(`the name is ${span.name}`);
  }
  if (method === "_OTHER" && attributes["http.request.method_original"] === undefined) {
    faults.push("http.request.method_original is missing");
  }
  if (span.kind === Kind.server && attributes["server.address"] !== undefined) {
    faults.push(...(attributes["server.port"] === undefined ? ["server.port is missing"] : []));
  }
  return faults.concat(faultsOfStatus(span), faultsOfSpan(span));
}

function faultsOfStatus({ attributes, kind, statusCode }: SpanRecord): string[] {
  const status = Number(attributes["http.response.status_code"] ?? 0);
  const errorType = attributes["error.type"];
  if (status >= (kind === Kind.server ? 500 : 400)) {
    const isRight = statusCode === STATUS_ERROR && errorType === String(status);
    return isRight ? [] : [`status ${statusCode} and error.type ${errorType} for ${status}`];
  }
  const wanted = errorType === undefined ? STATUS_UNSET : STATUS_ERROR;
  return statusCode === wanted && !(status > 0 && errorType !== undefined)
    ? []
    : [`status ${statusCode} and error.type ${errorType} for ${status}`];
}

function faultsOfSpan(span: SpanRecord): string[] {
  const faults: string[] = [];
  const remote = span.kind === Kind.server && span.parentSpanId !== "" ? REMOTE : 0;
  if (span.flags !== (FLAGS | remote)) {
    faults.push(`flags ${span.flags}`);
  }
  if (span.end < span.start) {
    faults.push("it ends before it starts");
  }
  return faults;
}

function faultsOfTypes(
  attributes: Attributes,
  allowed: Readonly<Record<string, Type | "list">>,
): string[] {
  return Object.entries(attributes).flatMap(([key, value]) => {
    const type = allowed[key];
    if (type === undefined) {
      return [`${key} is not for this`];
    }
    const is = Array.isArray(value) ? "list" : typeof value;
    return is === type ? [] : [`${key} is a ${is}`];
  });
}

/** Attributes of a resource: those that every hooked process has, and their form. */
const RESOURCE: readonly (readonly [key: string, form: RegExp])[] = [
  ["service.name", /./],
  ["service.instance.id", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
  ["telemetry.sdk.name", /^olly$/],
  ["telemetry.sdk.language", /./],
  ["telemetry.sdk.version", /^\d+\.\d+\.\d+/],
  ["process.pid", /^\d+$/],
  ["process.creation.time", /^\d{4}-\d\d-\d\dT[\d:.]+Z$/],
  ["process.executable.name", /./],
  ["host.name", /./],
  ["host.arch", /./],
  ["os.type", /^linux$/],
];
const OPT_IN = ["process.command_line", "process.command_args", "process.working_directory"];

interface Value {
  readonly stringValue?: string;
  readonly intValue?: string;
}

interface ResourceItem {
  readonly resource: {
    readonly attributes: readonly { readonly key: string; readonly value: Value }[];
  };
  readonly schemaUrl?: string;
  readonly scopeSpans?: readonly Scope[];
  readonly scopeLogs?: readonly Scope[];
}

interface Scope {
  readonly scope: { readonly name?: string; readonly version?: string };
  readonly schemaUrl?: string;
}

/** Faults of the resources, scopes and schema URLs of one line of the OTLP file format. */
export function faultsOfResource(line: string): string[] {
  const data: { resourceSpans?: ResourceItem[]; resourceLogs?: ResourceItem[] } = JSON.parse(line);
  return [...(data.resourceSpans ?? []), ...(data.resourceLogs ?? [])].flatMap(faultsOfItem);
}

function faultsOfItem(item: ResourceItem): string[] {
  const values = new Map(
    item.resource.attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]),
  );
  const faults = RESOURCE.flatMap(([key, form]) => {
    const value = values.get(key);
    return value !== undefined && form.test(value) ? [] : [`${key} is ${value}`];
  });
  faults.push(...OPT_IN.filter((key) => values.has(key)).map((key) => `${key} is opt-in`));
  const scopes = [...(item.scopeSpans ?? []), ...(item.scopeLogs ?? [])];
  for (const { schemaUrl } of [item, ...scopes]) {
    if (schemaUrl !== SCHEMA_URL) {
      faults.push(`schema URL ${schemaUrl}`);
    }
  }
  for (const { scope } of scopes) {
    if (scope.name === undefined || scope.version === undefined) {
      faults.push("a scope without name or version");
    }
  }
  return faults;
}
