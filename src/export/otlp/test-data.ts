/**
 * Spans and log records for the export's tests and benchmark, drawn from a seed.
 * Invariant: the same seed gives the same data.
 */
import { unixOffsetOf } from "../../lib/clock.ts";
import type { Attribute, AttributeValue } from "../../model/attributes.ts";
import type { Clock } from "../../model/clock.ts";
import type { LogRecord } from "../../model/log-record.ts";
import type { HookedProcess } from "../../model/process.ts";
import { type Span, type SpanContext, SpanKind, StatusCode } from "../../model/span.ts";

export type Random = () => number;

/** mulberry32: numbers in [0, 1). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 2026-01-01T12:00:00Z at monotonic 0. */
export const UNIX_AT_ZERO_NS = BigInt(Date.UTC(2026, 0, 1, 12)) * 1_000_000n;

export interface FakeClock extends Clock {
  nowNs: number;
}

export function fakeClock(): FakeClock {
  const offset = unixOffsetOf(UNIX_AT_ZERO_NS, 0n);
  return {
    nowNs: 1e9,
    monotonicNs() {
      return this.nowNs;
    },
    unixOffset: () => offset,
  };
}

export function processOf(id: number, serviceName: string, extra: Attribute[] = []): HookedProcess {
  return {
    id,
    pid: 1000 + id,
    executable: `/usr/bin/${serviceName}`,
    args: [serviceName],
    serviceName,
    resource: {
      attributes: [["service.name", serviceName], ["process.pid", 1000 + id], ...extra],
    },
  };
}

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

const words = [
  "orders",
  "GET",
  "",
  "größe",
  "日本語",
  "a b",
  "🚀",
  "x".repeat(127),
  "y".repeat(128),
];

function randomText(random: Random): string {
  const length = Math.floor(random() * 6);
  let text = "";
  for (let index = 0; index < length; index++) {
    text += words[Math.floor(random() * words.length)] ?? "";
  }
  return random() < 0.02 ? text + "z".repeat(Math.floor(random() * 20_000)) : text;
}

const numbers = [0, 1, -1, 127, 128, 200, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53];
const doubles = [0.5, -0, 1e300, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function randomValue(random: Random): AttributeValue {
  const kind = random();
  if (kind < 0.4) return randomText(random);
  if (kind < 0.6) return numbers[Math.floor(random() * numbers.length)] ?? 0;
  if (kind < 0.7) return doubles[Math.floor(random() * doubles.length)] ?? 0;
  if (kind < 0.8) return random() < 0.5;
  return Array.from({ length: Math.floor(random() * 4) }, () => randomText(random));
}

function randomAttributes(random: Random): Attribute[] {
  const count = Math.floor(random() * (random() < 0.05 ? 300 : 12));
  return Array.from({ length: count }, (_, index) => [
    `${["http.request.method", "server.address", "ключ"][index % 3]}.${index}`,
    randomValue(random),
  ]);
}

function randomContext(random: Random): SpanContext {
  return {
    traceId: randomBytes(random, 16),
    spanId: randomBytes(random, 8),
    parentSpanId: random() < 0.6 ? randomBytes(random, 8) : undefined,
    parentIsRemote: random() < 0.5,
    traceFlags: Math.floor(random() * 4),
    traceState: random() < 0.2 ? "vendor=1,other=2" : undefined,
  };
}

export function randomSpan(random: Random, process: HookedProcess): Span {
  const startNs = 1e9 + Math.floor(random() * 2 ** 51);
  return {
    name: randomText(random),
    kind: ([1, 2, 3, 4, 5] as const)[Math.floor(random() * 5)] ?? 1,
    attributes: randomAttributes(random),
    status: ([0, 0, 1, 2] as const)[Math.floor(random() * 4)] ?? 0,
    statusMessage: random() < 0.3 ? randomText(random) : undefined,
    context: randomContext(random),
    process,
    startNs,
    endNs: startNs + Math.floor(random() * 1e9),
  };
}

export function randomLog(random: Random, process: HookedProcess): LogRecord {
  return {
    process,
    observedNs: 1e9 + Math.floor(random() * 2 ** 51),
    unixTimeNs:
      random() < 0.5 ? UNIX_AT_ZERO_NS + BigInt(Math.floor(random() * 2 ** 50)) : undefined,
    severityNumber: Math.floor(random() * 25),
    severityText: random() < 0.5 ? "warning" : undefined,
    body: randomText(random),
    attributes: randomAttributes(random),
    context: random() < 0.5 ? randomContext(random) : undefined,
  };
}

/** A span as a web service's traffic has it: nine attributes of the usual sizes. */
export function typicalSpan(random: Random, process: HookedProcess): Span {
  const context = { ...randomContext(random), traceState: undefined, traceFlags: 3 };
  return {
    name: "GET",
    kind: SpanKind.server,
    attributes: [
      ["http.request.method", "GET"],
      ["url.path", `/orders/${Math.floor(random() * 1e6)}`],
      ["url.scheme", "http"],
      ["server.address", "shop.example.com"],
      ["server.port", 8080],
      ["http.response.status_code", 200],
      ["network.protocol.version", "1.1"],
      ["user_agent.original", "curl/8.5.0"],
      ["client.address", "127.0.0.1"],
    ],
    status: StatusCode.unset,
    statusMessage: undefined,
    context,
    process,
    startNs: 1e9,
    endNs: 2e9,
  };
}
