/**
 * Reads what olly writes with --output FILE (the OTLP file format) into plain objects.
 * Invariant: nothing is skipped in silence; a line that is not OTLP/JSON fails the test.
 */
import { existsSync, readFileSync } from "node:fs";

export type Value = string | number | boolean | bigint | undefined | readonly Value[];
export type Attributes = Readonly<Record<string, Value>>;

export const Kind = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;

export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly flags: number;
  readonly name: string;
  readonly kind: number;
  /** Unix time, ns. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Attributes;
  readonly statusCode: number;
  readonly resource: Attributes;
}

export interface LogLine {
  /** Unix time of observation, ns. */
  readonly observed: bigint;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: Value;
  readonly attributes: Attributes;
  /** Empty when the record belongs to no span. */
  readonly traceId: string;
  readonly spanId: string;
  readonly resource: Attributes;
}

export interface OtlpFile {
  readonly spans: readonly SpanRecord[];
  readonly logs: readonly LogLine[];
  /** Lines of another kind (metrics). */
  readonly others: number;
}

/** Everything in the file so far; an unfinished last line is left for later. */
export function readOtlpFile(path: string): OtlpFile {
  const spans: SpanRecord[] = [];
  const logs: LogLine[] = [];
  let others = 0;
  const content = existsSync(path) ? readFileSync(path, "utf8") : "";
  for (const line of content.slice(0, content.lastIndexOf("\n") + 1).split("\n")) {
    if (line === "") {
      continue;
    }
    const data = record(JSON.parse(line));
    if (data["resourceSpans"] !== undefined) {
      spans.push(...spansOf(data["resourceSpans"]));
    } else if (data["resourceLogs"] !== undefined) {
      logs.push(...logsOf(data["resourceLogs"]));
    } else if (data["resourceMetrics"] !== undefined) {
      others++;
    } else {
      throw new Error(`not an OTLP line: ${line.slice(0, 200)}`);
    }
  }
  return { spans, logs, others };
}

/** Milliseconds from Unix time in ns; exact enough to compare with a packet's time. */
export function milliseconds(ns: bigint): number {
  return Number(ns / 1000n) / 1000;
}

function spansOf(resourceSpans: unknown): SpanRecord[] {
  return list(resourceSpans).flatMap((item) => {
    const resource = attributesOf(record(record(item)["resource"])["attributes"]);
    return list(record(item)["scopeSpans"]).flatMap((scope) =>
      list(record(scope)["spans"]).map((span) => spanOf(record(span), resource)),
    );
  });
}

function spanOf(span: Record<string, unknown>, resource: Attributes): SpanRecord {
  return {
    traceId: hex(span["traceId"], 32),
    spanId: hex(span["spanId"], 16),
    parentSpanId: span["parentSpanId"] === undefined ? "" : String(span["parentSpanId"]),
    flags: Number(span["flags"] ?? 0),
    name: String(span["name"]),
    kind: Number(span["kind"]),
    start: BigInt(String(span["startTimeUnixNano"])),
    end: BigInt(String(span["endTimeUnixNano"])),
    attributes: attributesOf(span["attributes"]),
    statusCode: Number(record(span["status"] ?? {})["code"] ?? 0),
    resource,
  };
}

function logsOf(resourceLogs: unknown): LogLine[] {
  return list(resourceLogs).flatMap((item) => {
    const resource = attributesOf(record(record(item)["resource"])["attributes"]);
    return list(record(item)["scopeLogs"]).flatMap((scope) =>
      list(record(scope)["logRecords"]).map((log) => logOf(record(log), resource)),
    );
  });
}

function logOf(log: Record<string, unknown>, resource: Attributes): LogLine {
  return {
    observed: BigInt(String(log["observedTimeUnixNano"])),
    severityNumber: Number(log["severityNumber"] ?? 0),
    severityText: String(log["severityText"] ?? ""),
    body: plainValue(log["body"]),
    attributes: attributesOf(log["attributes"]),
    traceId: String(log["traceId"] ?? ""),
    spanId: String(log["spanId"] ?? ""),
    resource,
  };
}

function attributesOf(attributes: unknown): Attributes {
  return Object.fromEntries(
    list(attributes).map((item) => [
      String(record(item)["key"]),
      plainValue(record(item)["value"]),
    ]),
  );
}

function plainValue(value: unknown): Value {
  const any = record(value ?? {});
  if (any["intValue"] !== undefined) {
    return Number(any["intValue"]);
  }
  if (any["arrayValue"] !== undefined) {
    return list(record(any["arrayValue"])["values"]).map(plainValue);
  }
  const plain = any["stringValue"] ?? any["boolValue"] ?? any["doubleValue"];
  if (typeof plain === "string" || typeof plain === "boolean" || typeof plain === "number") {
    return plain;
  }
  return undefined;
}

function hex(value: unknown, digits: number): string {
  const id = String(value);
  if (id.length !== digits || !/^[0-9a-f]+$/.test(id) || /^0+$/.test(id)) {
    throw new Error(`not an id of ${digits} hex digits: ${id}`);
  }
  return id;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) {
    throw new Error(`not an object: ${JSON.stringify(value)}`);
  }
  return value as Record<string, unknown>;
}
