/**
 * What one line says of a span or a log record: the attributes that matter to a person.
 * Invariant: every text is printable (lib/printable.ts), whatever the program sent.
 */
import { printable } from "../../lib/printable.ts";
import type { Attribute, AttributeValue } from "../../model/attributes.ts";
import type { LogRecord } from "../../model/log-record.ts";
import { type Span, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_RETURNED_ROWS,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
} from "../../semconv/db.ts";
import {
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
} from "../../semconv/http.ts";
import {
  ATTR_ERROR_TYPE,
  ATTR_URL_FULL,
  ATTR_URL_PATH,
  ATTR_URL_QUERY,
} from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import type { Tone } from "./paint.ts";

export interface StatusLabel {
  readonly text: string;
  readonly tone: Tone;
}

/** GET /orders/42 · → GET http://… · postgresql SELECT … · the span's name for everything else. */
export function spanLabel(span: Span): string {
  const leaves = span.kind === SpanKind.client || span.kind === SpanKind.producer;
  const text = httpLabel(span) ?? databaseLabel(span) ?? span.name;
  return printable((leaves ? "→ " : "") + text);
}

function httpLabel(span: Span): string | undefined {
  const known = textOf(span, ATTR_HTTP_REQUEST_METHOD);
  if (known === undefined) return undefined;
  const method = textOf(span, ATTR_HTTP_REQUEST_METHOD_ORIGINAL) ?? known;
  const full = textOf(span, ATTR_URL_FULL);
  if (full !== undefined) return `${method} ${full}`;
  const path = textOf(span, ATTR_URL_PATH);
  if (path === undefined) return method;
  const query = textOf(span, ATTR_URL_QUERY);
  return query === undefined ? `${method} ${path}` : `${method} ${path}?${query}`;
}

function databaseLabel(span: Span): string | undefined {
  const system = textOf(span, ATTR_DB_SYSTEM_NAME);
  if (system === undefined) return undefined;
  const query =
    textOf(span, ATTR_DB_QUERY_TEXT) ?? textOf(span, ATTR_DB_QUERY_SUMMARY) ?? span.name;
  const rows = attributeOf(span, ATTR_DB_RESPONSE_RETURNED_ROWS);
  const suffix = typeof rows === "number" ? ` (${rows} ${rows === 1 ? "row" : "rows"})` : "";
  // A statement is often written over several lines; one blank says the same here.
  return `${system} ${query.replace(/\s+/g, " ").trim()}${suffix}`;
}

/** The protocol's own status, and what went wrong if that says more. */
export function statusLabel(span: Span): StatusLabel {
  const code =
    attributeOf(span, ATTR_HTTP_RESPONSE_STATUS_CODE) ??
    attributeOf(span, ATTR_DB_RESPONSE_STATUS_CODE);
  const error = textOf(span, ATTR_ERROR_TYPE);
  const outcome = textOf(span, ATTR_OLLY_EXCHANGE_OUTCOME);
  const parts = [code, error, outcome].filter((part) => part !== undefined).map(String);
  const failed = span.status === StatusCode.error;
  if (failed && parts.length === 0) parts.push("error");
  return { text: printable([...new Set(parts)].join(" ")), tone: statusTone(failed, code) };
}

function statusTone(failed: boolean, code: AttributeValue | undefined): Tone {
  if (failed) return "bad";
  return typeof code === "number" && code >= 400 ? "warning" : "good";
}

const severities = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const;
const severityTones: readonly Tone[] = ["dim", "dim", "note", "warning", "bad", "bad"];

/** Width of a log line's level column. */
export const SEVERITY_COLUMNS = 5;

/** The level by its number (four steps each, OTLP SeverityNumber); as spelled when that is 0. */
export function severityLabel(record: LogRecord): StatusLabel {
  const step = Math.floor((record.severityNumber - 1) / 4);
  const name = severities[step];
  if (name !== undefined) return { text: name, tone: severityTones[step] ?? "plain" };
  return { text: printable(record.severityText ?? ""), tone: "dim" };
}

/** Attributes that tell where a line was written, not what it says. */
const originPrefixes = ["log.", "thread.", "olly.", "syslog."];

/** The fields of a structured log line as key=value, after its body. */
export function fieldsText(record: LogRecord): string {
  const fields = record.attributes.filter(
    ([key]) => !originPrefixes.some((prefix) => key.startsWith(prefix)),
  );
  return printable(fields.map(fieldText).join(" "));
}

function fieldText([key, value]: Attribute): string {
  return `${key}=${typeof value === "object" ? value.join(",") : value}`;
}

function attributeOf(span: Span, key: string): AttributeValue | undefined {
  for (const attribute of span.attributes) {
    if (attribute[0] === key) return attribute[1];
  }
  return undefined;
}

function textOf(span: Span, key: string): string | undefined {
  const value = attributeOf(span, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}
