/**
 * Rows → text in columns: service, tree, status, duration.
 * Invariant: no line is wider than `columns`, and the columns of one trace are aligned.
 */
import { hexOf } from "../../lib/bytes.ts";
import { unixNs } from "../../lib/clock.ts";
import { printable } from "../../lib/printable.ts";
import { limits } from "../../limits.ts";
import type { UnixOffset } from "../../model/clock.ts";
import type { LogRecord } from "../../model/log-record.ts";
import type { Span } from "../../model/span.ts";
import { fieldsText, SEVERITY_COLUMNS, severityLabel, spanLabel, statusLabel } from "./label.ts";
import type { Paint } from "./paint.ts";
import { durationText, fitted, padded, paddedLeft, timeOfDay, widthOf } from "./text.ts";
import { type Row, rowsOf } from "./tree.ts";

const SERVICE_COLUMNS_MAX = 20;
const STATUS_COLUMNS_MAX = 24;
const LABEL_COLUMNS_MIN = 12;
/** Below this width the tree is all there is room for. */
const NARROW_COLUMNS = 50;
const GAP = "  ";

export interface View {
  /** Width of the terminal; Infinity when lines need not fit anything. */
  readonly columns: number;
  readonly paint: Paint;
  readonly offset: UnixOffset;
}

interface Columns {
  readonly service: number;
  readonly label: number;
  readonly status: number;
  readonly duration: number;
  readonly total: number;
}

/** A whole trace (or the part of it that is known): a head line, its rows, and an empty line. */
export function traceText(spans: readonly Span[], logs: readonly LogRecord[], view: View): string {
  const rows = rowsOf(spans, logs);
  const columns = measure(rows, view);
  const lines = [headLine(spans, logs, view, columns)];
  for (const row of rows) {
    if (row.kind === "span") lines.push(spanLine(row.span, row.prefix, columns, view));
    else if (row.kind === "message") lines.push(messageLine(row, columns, view));
    else lines.push(...logLines(row, columns, view));
  }
  return `${lines.join("\n")}\n\n`;
}

/** A log record on its own: time, service, level, text. */
export function logText(record: LogRecord, serviceColumns: number, view: View): string {
  const time = timeOfDay(unixNs(record.observedNs, view.offset));
  const service = padded(serviceOf(record), serviceColumns);
  const narrow = view.columns < NARROW_COLUMNS;
  const head = narrow ? "" : `${time}${GAP}${service}${GAP}`;
  const painted = narrow
    ? ""
    : `${view.paint("dim", time)}${GAP}${view.paint("bold", service)}${GAP}`;
  return `${bodyLines(record, head, painted, view).join("\n")}\n`;
}

/** Columns that the service of such a record takes, at most. */
export function serviceColumnsOf(item: Span | LogRecord): number {
  return Math.min(SERVICE_COLUMNS_MAX, widthOf(serviceOf(item)));
}

function serviceOf(item: Span | LogRecord): string {
  return printable(item.process.serviceName);
}

function measure(rows: readonly Row[], view: View): Columns {
  let service = 0;
  let label = 0;
  let status = 0;
  let duration = 0;
  for (const row of rows) {
    if (row.kind === "message") continue;
    service = Math.max(service, serviceColumnsOf(row.kind === "span" ? row.span : row.record));
    if (row.kind === "log") continue;
    label = Math.max(label, widthOf(row.prefix) + widthOf(spanLabel(row.span)));
    status = Math.max(status, Math.min(STATUS_COLUMNS_MAX, widthOf(statusLabel(row.span).text)));
    duration = Math.max(duration, widthOf(durationText(row.span.endNs - row.span.startNs)));
  }
  if (view.columns < NARROW_COLUMNS) service = 0;
  // What does not fit goes, the least telling first.
  if (roomFor(view, service, status, duration) < LABEL_COLUMNS_MIN) status = 0;
  if (roomFor(view, service, status, duration) < LABEL_COLUMNS_MIN) duration = 0;
  const room = roomFor(view, service, status, duration);
  label = Math.max(1, Math.min(label, room));
  return {
    service,
    label,
    status,
    duration,
    total: label + widthOfFixed(service, status, duration),
  };
}

function roomFor(view: View, service: number, status: number, duration: number): number {
  return view.columns - widthOfFixed(service, status, duration);
}

/** Columns that have a width, each with its gap. */
function widthOfFixed(...widths: number[]): number {
  return widths.reduce((sum, width) => sum + (width > 0 ? width + GAP.length : 0), 0);
}

function headLine(
  spans: readonly Span[],
  logs: readonly LogRecord[],
  view: View,
  columns: Columns,
): string {
  const first = [...spans.map((span) => span.startNs), ...logs.map((record) => record.observedNs)];
  const startNs = first.reduce((least, ns) => Math.min(least, ns), Number.POSITIVE_INFINITY);
  const endNs = spans.reduce((most, span) => Math.max(most, span.endNs), startNs);
  const context = spans[0]?.context ?? logs[0]?.context;
  const id = context === undefined ? "" : hexOf(context.traceId);
  const time = timeOfDay(unixNs(startNs, view.offset));
  const left = fitted(`${time}${GAP}trace ${id}`, view.columns);
  const counted = spans.length > 0 ? count(spans.length, "span") : count(logs.length, "log record");
  const right = spans.length > 0 ? `${counted}, ${durationText(endNs - startNs)}` : counted;
  // The counts stand at the right edge of the rows when there is room, else behind the id.
  const filler = columns.total - widthOf(left) - widthOf(right);
  const head = filler >= GAP.length ? left + " ".repeat(filler) : left + GAP;
  if (widthOf(head) + widthOf(right) > view.columns) return view.paint("dim", left);
  return view.paint("dim", head + right);
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

function spanLine(span: Span, prefix: string, columns: Columns, view: View): string {
  const { paint } = view;
  const status = statusLabel(span);
  const service = columns.service > 0 ? padded(serviceOf(span), columns.service) + GAP : "";
  const branch = fitted(prefix, columns.label);
  const label = padded(spanLabel(span), columns.label - widthOf(branch));
  const durationOf = durationText(span.endNs - span.startNs);
  const duration = columns.duration > 0 ? GAP + paddedLeft(durationOf, columns.duration) : "";
  const code = columns.status > 0 ? GAP + paddedLeft(status.text, columns.status) : "";
  return (
    paint("bold", service) +
    paint("dim", branch) +
    paint(status.tone === "bad" ? "bad" : "plain", label) +
    paint(status.tone, code) +
    duration
  );
}

function messageLine(row: Row & { kind: "message" }, columns: Columns, view: View): string {
  const blank = columns.service > 0 ? " ".repeat(columns.service) + GAP : "";
  const branch = fitted(blank + row.prefix, view.columns);
  const text = fitted(`✗ ${printable(row.text)}`, view.columns - widthOf(branch));
  return view.paint("dim", branch) + view.paint("bad", text);
}

function logLines(row: Row & { kind: "log" }, columns: Columns, view: View): string[] {
  const name = row.parent?.process === row.record.process ? "" : serviceOf(row.record);
  const service = columns.service > 0 ? padded(name, columns.service) + GAP : "";
  const branch = fitted(row.prefix, Math.max(0, view.columns - service.length));
  const painted = view.paint("bold", service) + view.paint("dim", branch);
  return bodyLines(row.record, service + branch, painted, view);
}

/** The record behind a head: its first line with the level, further lines below it. */
function bodyLines(record: LogRecord, head: string, painted: string, view: View): string[] {
  const severity = severityLabel(record);
  const level = padded(severity.text, SEVERITY_COLUMNS) + GAP;
  const room = view.columns - widthOf(head) - level.length;
  const fields = fieldsText(record);
  const texts = bodyTexts(record.body);
  const indent = blankOf(head) + " ".repeat(level.length);
  return texts.map((text, index) => {
    const body = fitted(text, room);
    if (index > 0) return room > 0 ? indent + body : fitted(text, view.columns);
    if (room <= 0)
      return view.paint(severity.tone, fitted(`${severity.text} ${text}`, view.columns));
    const rest = room - widthOf(body) - 1;
    const shown = fields === "" || rest < 4 ? "" : ` ${view.paint("dim", fitted(fields, rest))}`;
    return painted + view.paint(severity.tone, level) + body + shown;
  });
}

/** The head of a line below another: branches go on, everything else is blank. */
function blankOf(head: string): string {
  let blank = "";
  for (const character of head) {
    blank += character === "│" || character === "├" ? "│" : " ".repeat(widthOf(character));
  }
  return blank;
}

/** The printable lines of a body, at most consoleLogLinesMax and a note of how many more. */
function bodyTexts(body: string): string[] {
  const lines = body.replace(/\r?\n$/, "").split("\n");
  const kept = lines
    .slice(0, limits.consoleLogLinesMax)
    .map((line) => printable(line.replace(/\r$/, "")));
  const more = lines.length - kept.length;
  return more === 0 ? kept : [...kept, `… ${count(more, "more line")}`];
}
