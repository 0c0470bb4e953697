/**
 * Compares what tshark decoded with what olly exported. Invariant: it knows the packets and the
 * exported records only, and nothing of how olly came to them.
 */
import { type Attributes, milliseconds, type SpanRecord } from "./otlp-file.ts";
import type { HttpExchange, StatementExchange } from "./tshark.ts";

/** One request or statement, as both sides tell it. */
export type Told = Readonly<Record<string, string | number | undefined>>;

/** Where a span stands beside its packets, ms; positive = the span is later. */
export interface Shift {
  readonly what: string;
  readonly kind: "server" | "client";
  readonly startMs: number;
  readonly endMs: number;
  /** The span's own length. */
  readonly lengthMs: number;
  /** The packets' length. */
  readonly packetsMs: number;
  /** Since the answer before on its connection, and until the next request there. */
  readonly beforeMs: number;
  readonly behindMs: number;
}

/** Where a connection has no other request: far beyond what a busy machine delays. */
export const ALONE_MS = 10_000;
/** Rounding of clocks and of tshark's times. */
const CLOCK_MS = 0.5;

/**
 * Shifted, negative, absurdly long, or on the wrong side of its packets: a client's span holds
 * them, it starts before the request's packet and ends after the answer's, and holds no other
 * request's; a server's span lies within them. Also true of a span that is not there. However
 * late a busy machine lets a program run, this order stays.
 */
export function isWrong(shift: Shift): boolean {
  const { kind, startMs, endMs, lengthMs } = shift;
  const order =
    kind === "client"
      ? startMs <= CLOCK_MS && endMs >= -CLOCK_MS
      : startMs >= -CLOCK_MS && endMs <= CLOCK_MS;
  const alone = startMs >= -shift.beforeMs - CLOCK_MS && endMs <= shift.behindMs + CLOCK_MS;
  return !(lengthMs >= 0 && order && alone);
}

/**
 * How far spans usually stand from the packets that their own program sends, ms: a client's request,
 * a server's answer. For those that it receives it has to be woken, and how soon that happens is the
 * machine's affair; order alone decides there.
 */
export function distanceMs(shifts: readonly Shift[]): number {
  return median(
    shifts.map(({ kind, startMs, endMs }) => Math.abs(kind === "client" ? startMs : endMs)),
  );
}

/** tshark's view of HTTP exchanges, in an order that both sides can have. */
export function httpToldByPackets(exchanges: readonly HttpExchange[]): Told[] {
  return sorted(
    exchanges.map(({ method, target, status, port }) => ({ method, target, status, port })),
  );
}

/** olly's view, of SERVER spans (path and query) or CLIENT spans (the full URL). */
export function httpToldBySpans(spans: readonly SpanRecord[]): Told[] {
  return sorted(spans.map(({ attributes }) => httpTold(attributes)));
}

function httpTold(attributes: Attributes): Told {
  return {
    method: String(methodOf(attributes)),
    target: httpTarget(attributes),
    status: numberOf(attributes["http.response.status_code"]),
    port: numberOf(attributes["server.port"]),
  };
}

function httpTarget(attributes: Attributes): string {
  const full = attributes["url.full"];
  if (typeof full === "string") {
    const url = new URL(full);
    return url.pathname + url.search;
  }
  const query = attributes["url.query"];
  return `${attributes["url.path"]}${query === undefined ? "" : `?${query}`}`;
}

/** Pairs spans with packets by their targets: a scenario uses each once for a port. */
export function httpShifts(
  exchanges: readonly HttpExchange[],
  spans: readonly SpanRecord[],
  kind: "server" | "client",
): Shift[] {
  return exchanges.map((exchange) => {
    const span = spans.find(
      ({ attributes }) =>
        httpTarget(attributes) === exchange.target &&
        attributes["server.port"] === exchange.port &&
        methodOf(attributes) === exchange.method,
    );
    const what = `${exchange.method} ${exchange.target}`;
    return shiftOf({ what, kind, span, ...timesOf(exchange, exchanges) });
  });
}

function methodOf(attributes: Attributes): unknown {
  return attributes["http.request.method_original"] ?? attributes["http.request.method"];
}

/** tshark's view of statements, in the order of their connection. */
export function statementsToldByPackets(statements: readonly StatementExchange[]): Told[] {
  return statements.map((statement) => ({
    text: sanitised(statement.text),
    rows: statement.rows,
    affected: affectedRows(statement.tags),
    error: statement.error,
  }));
}

/** olly's view of database spans, in order of time. */
export function statementsToldBySpans(spans: readonly SpanRecord[]): Told[] {
  return inOrderOfTime(spans).map(({ attributes }) => ({
    text: String(attributes["db.query.text"]),
    rows: numberOf(attributes["db.response.returned_rows"]) ?? 0,
    affected: numberOf(attributes["olly.db.response.affected_rows"]),
    error: textOf(attributes["db.response.status_code"]),
  }));
}

/** Statements of one connection stand in the same order on both sides. */
export function statementShifts(
  statements: readonly StatementExchange[],
  spans: readonly SpanRecord[],
): Shift[] {
  const ordered = inOrderOfTime(spans);
  return statements.map((statement, index) => {
    const times = timesOf(statement, statements);
    return shiftOf({ what: statement.text, kind: "client", span: ordered[index], ...times });
  });
}

/**
 * Literals and comments hidden and a batch joined by "; ", as the semantic conventions want it, in
 * this judge's own simple way: enough for quoted strings, plain numbers and block comments. A text
 * with placeholders stays as it is.
 */
export function sanitised(text: string): string {
  if (/\$\d/.test(text)) {
    return text;
  }
  const hidden = text
    .replace(/\/\*.*?\*\//gs, "")
    .replace(/E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'/g, "?")
    .replace(/\b\d+(?:\.\d+)?\b/g, "?");
  const batch = hidden.split(/\s*;\s*/).filter((statement) => statement !== "");
  return batch.length > 1 ? batch.join("; ") : hidden;
}

export function median(values: readonly number[]): number {
  const ordered = [...values].sort((one, other) => one - other);
  return ordered[Math.floor(ordered.length / 2)] ?? Number.NaN;
}

interface Times {
  readonly startMs: number;
  readonly endMs: number | undefined;
  readonly beforeMs: number;
  readonly behindMs: number;
}

interface Exchange {
  readonly stream: number;
  readonly startMs: number;
  readonly endMs: number | undefined;
}

/** An exchange's times beside those of its connection's others, of which it is the only one open. */
function timesOf(exchange: Exchange, all: readonly Exchange[]): Times {
  const { stream, startMs, endMs = Number.NaN } = exchange;
  const others = all.filter((other) => other.stream === stream && other !== exchange);
  const ends = others.map((other) => other.endMs ?? Number.NaN).filter((end) => end <= startMs);
  const starts = others.map((other) => other.startMs).filter((start) => start >= endMs);
  return {
    ...{ startMs, endMs: exchange.endMs },
    beforeMs: startMs - Math.max(...ends, startMs - ALONE_MS),
    behindMs: Math.min(...starts, endMs + ALONE_MS) - endMs,
  };
}

function shiftOf(
  pair: Times & {
    readonly what: string;
    readonly kind: "server" | "client";
    readonly span: SpanRecord | undefined;
  },
): Shift {
  const { what, kind, span, startMs, endMs, beforeMs, behindMs } = pair;
  const room = { beforeMs, behindMs };
  if (span === undefined || endMs === undefined) {
    return { what, kind, startMs: NaN, endMs: NaN, lengthMs: NaN, packetsMs: NaN, ...room };
  }
  const start = milliseconds(span.start);
  const end = milliseconds(span.end);
  return {
    what,
    kind,
    startMs: start - startMs,
    endMs: end - endMs,
    lengthMs: end - start,
    packetsMs: endMs - startMs,
    ...room,
  };
}

/** INSERT 0 n, UPDATE n, DELETE n, COPY n; undefined when no tag counts. */
function affectedRows(tags: readonly string[]): number | undefined {
  const counts = tags.flatMap((tag) => {
    const count = /^(?:INSERT \d+|UPDATE|DELETE|MERGE|COPY) (\d+)$/.exec(tag)?.[1];
    return count === undefined ? [] : [Number(count)];
  });
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

function sorted(told: readonly Told[]): Told[] {
  return [...told].sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}

function inOrderOfTime(spans: readonly SpanRecord[]): SpanRecord[] {
  return [...spans].sort((one, other) => (one.start < other.start ? -1 : 1));
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
