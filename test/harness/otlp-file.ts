/**
 * Reads what olly writes with --output FILE (the OTLP file format) into plain objects.
 * Invariants: nothing is skipped in silence; a line that is not OTLP/JSON fails the test. A file
 * that is looked at again and again costs what has been added, so that looking takes no time from
 * the programs that are looked at.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

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

/** What has been read of a file. */
interface Reading {
  readonly identity: string;
  /** Bytes of whole lines. */
  bytes: number;
  readonly spans: SpanRecord[];
  readonly logs: LogLine[];
  others: number;
}

/** Of the files that were looked at last, oldest first. */
const readings = new Map<string, Reading>();
const READINGS_MAX = 4;

/** Everything in the file so far; an unfinished last line is left for later. */
export function readOtlpFile(path: string): OtlpFile {
  if (!existsSync(path)) return { spans: [], logs: [], others: 0 };
  const fd = openSync(path, "r");
  try {
    const { ino, birthtimeMs, size } = fstatSync(fd);
    const identity = `${ino} ${birthtimeMs}`;
    let reading = readings.get(path);
    if (reading === undefined || reading.identity !== identity || reading.bytes > size) {
      reading = { identity, bytes: 0, spans: [], logs: [], others: 0 };
    }
    remember(path, reading);
    readOn(reading, fd, size);
    const { spans, logs, others } = reading;
    return { spans: [...spans], logs: [...logs], others };
  } finally {
    closeSync(fd);
  }
}

function remember(path: string, reading: Reading): void {
  readings.delete(path);
  readings.set(path, reading);
  for (const oldest of readings.keys()) {
    if (readings.size <= READINGS_MAX) return;
    readings.delete(oldest);
  }
}

function readOn(reading: Reading, fd: number, size: number): void {
  const added = Buffer.alloc(size - reading.bytes);
  const length = readSync(fd, added, 0, added.length, reading.bytes);
  const whole = added.subarray(0, added.subarray(0, length).lastIndexOf(0x0a) + 1);
  // olly tries a new file with an empty line, which it takes back.
  if (whole.length === 1) return;
  for (const line of whole.toString("utf8").split("\n")) {
    if (line !== "") readLine(reading, line);
  }
  reading.bytes += whole.length;
}

function readLine(reading: Reading, line: string): void {
  const data = record(JSON.parse(line));
  if (data["resourceSpans"] !== undefined) {
    for (const span of spansOf(data["resourceSpans"])) reading.spans.push(span);
  } else if (data["resourceLogs"] !== undefined) {
    for (const log of logsOf(data["resourceLogs"])) reading.logs.push(log);
  } else if (data["resourceMetrics"] !== undefined) {
    reading.others++;
  } else {
    throw new Error(`not an OTLP line: ${line.slice(0, 200)}`);
  }
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
