/**
 * Cost of one exchange of every protocol in the agent's own code, through the driver that ships: a
 * client's connection of about 1 KB for each exchange, parsed, paired and described; no statement,
 * key or subject comes twice on a connection. The ratio is to a bare copy of the same bytes, as the
 * intake makes one. A figure is CPU time, the least of many short rounds in which all protocols
 * take turns in one process: what other programs do to caches and clocks can only add to it. The
 * collector runs in some of the rounds only; the median beside it has its share, and the noise. The
 * yardstick, a fixed piece of work that is timed in each turn, tells how noisy the machine was.
 * Invariant: every exchange that is counted was complete, by the protocol that is measured.
 *
 *   bun test/bench/protocols.ts [protocol ...]
 */
import { limits } from "../../src/limits.ts";
import type { Direction } from "../../src/model/connection.ts";
import type { Protocol } from "../../src/protocols/contract.ts";
import { ProtocolDriver } from "../../src/protocols/drive.ts";
import { Drops } from "../../src/self/drops.ts";
import { ByteStream } from "../../src/streams/byte-stream.ts";
import {
  type Conversation,
  policy,
  type Subject,
  subjects,
  webSocketSubject,
} from "../harness/conversations.ts";
import { overlaySubjects } from "../harness/overlay-conversations.ts";
import { testConnection } from "../harness/stream-cases.ts";
import { type Figure, header, isReached, median, row } from "./figures.ts";

const EXCHANGES = 500;
const CONNECTIONS = 4;
const ROUNDS = 80;
const US_PER_KB_MAX = 5;
const YARDSTICK_ITEMS = 20_000;

const own = await subjects();
const webSocket = webSocketSubject(own);
const protocols = [...own, ...webSocket].map(({ protocol, next }) => next ?? protocol);
const all = [...own, ...webSocket, ...overlaySubjects(protocols)];

/** Microseconds for each exchange. */
function readingUs(subject: Subject, { steps }: Conversation, describing: boolean): number {
  const { next } = subject;
  const protocol: Protocol = next ?? subject.protocol;
  const due = next === undefined ? CONNECTIONS * EXCHANGES : CONNECTIONS;
  let complete = 0;
  let attributes = 0;
  const driver = new ProtocolDriver({
    protocols,
    drops: new Drops(),
    events: {
      opened: () => undefined,
      closed: () => undefined,
      tell: (exchange) => {
        // The request that was handed over is not what is measured.
        if (exchange.protocol !== protocol.id) return;
        if (exchange.outcome === "complete") complete++;
        if (describing) attributes += protocol.describe(exchange, policy)?.attributes.length ?? 0;
      },
      withdrawn: () => undefined,
    },
  });
  driver.onBug = (error) => {
    throw error;
  };
  const before = process.cpuUsage();
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    const streams = {
      in: new ByteStream(limits.streamSegmentsMax),
      out: new ByteStream(limits.streamSegmentsMax),
    };
    const conversation = driver.start({ ...testConnection, startNs: 1 }, streams);
    let timeNs = 1;
    for (const { side, bytes } of steps) {
      const direction: Direction = side === "request" ? "out" : "in";
      const last = { timeNs: ++timeNs, tid: 7, eventLoop: false };
      streams[direction].append(bytes, last);
      driver.advance(conversation, direction, last);
      streams[direction].retain();
    }
    driver.closed(conversation, { timeNs: timeNs + 1, tid: 7 });
  }
  const us = cpuUs(before) / (CONNECTIONS * EXCHANGES);
  if (complete < due) throw new Error(`${subject.name}: ${complete} of ${due} were complete`);
  if (describing && attributes === 0) throw new Error(`${protocol.id}: nothing was described`);
  return us;
}

function copyingUs({ steps }: Conversation): number {
  const target = new Uint8Array(1024 * 1024);
  const before = process.cpuUsage();
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    let at = 0;
    for (const { bytes } of steps) {
      if (at + bytes.length > target.length) at = 0;
      target.set(bytes, at);
      at += bytes.length;
    }
  }
  return cpuUs(before) / (CONNECTIONS * EXCHANGES);
}

/** CPU time of this process, its collector's threads too: other programs do not count. */
function cpuUs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Objects, a map and texts, as the parsers make them. */
function yardstickUs(): number {
  const before = process.cpuUsage();
  const kept = new Map<string, { readonly index: number; text: string }>();
  let chars = 0;
  for (let index = 0; index < YARDSTICK_ITEMS; index++) {
    const key = `key ${index & 0xff}`;
    kept.set(key, { index, text: key.slice(4) });
    chars += kept.get(`key ${(index * 7) & 0xff}`)?.text.length ?? 0;
  }
  if (chars === 0) throw new Error("the yardstick was left out");
  return cpuUs(before) / YARDSTICK_ITEMS;
}

/** Of each turn, in microseconds for each exchange. */
interface Times {
  readonly all: number[];
  readonly reading: number[];
  readonly copying: number[];
}

interface Runner {
  readonly subject: Subject;
  readonly spoken: Conversation;
  readonly times: Times;
}

function runnerOf(subject: Subject): Runner {
  const spoken = subject.conversation(EXCHANGES);
  return { subject, spoken, times: { all: [], reading: [], copying: [] } };
}

function figureOf({ subject, spoken, times }: Runner): Figure {
  const bytes = spoken.steps.reduce((sum, step) => sum + step.bytes.length, 0) / EXCHANGES;
  const least = Math.min(...times.all);
  const copying = Math.min(...times.copying);
  return {
    name: `${subject.name}: an exchange of ${bytes.toFixed(0)} bytes`,
    value: least,
    unit: "us",
    target: { atMost: mostUs(bytes) },
    note:
      `${(least / copying).toFixed(0)} times the bare copy (${copying.toFixed(3)} us); ` +
      `without description ${Math.min(...times.reading).toFixed(2)} us; ` +
      `median ${median(times.all).toFixed(2)} us`,
  };
}

/** Of an exchange of up to 1 KB, and in proportion of a larger one. */
function mostUs(bytes: number): number {
  return Math.round((US_PER_KB_MAX * 100 * Math.max(bytes, 1024)) / 1024) / 100;
}

const chosen = process.argv.slice(2);
const runners = all
  .filter(({ name }) => chosen.length === 0 || chosen.includes(name))
  .map(runnerOf);
const yardstick: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  yardstick.push(yardstickUs());
  for (const { subject, spoken, times } of runners) {
    times.all.push(readingUs(subject, spoken, true));
    times.reading.push(readingUs(subject, spoken, false));
    times.copying.push(copyingUs(spoken));
  }
}
process.stdout.write(`${header()}\n`);
const figures = runners.map(figureOf);
for (const figure of figures) process.stdout.write(`${row(figure)}\n`);
const within = figures.filter(isReached).length;
const usual = median(yardstick) / Math.min(...yardstick);
process.stdout.write(
  `${within} of ${figures.length} within ${US_PER_KB_MAX} us for 1 KB, the least of ${ROUNDS} rounds of ` +
    `${CONNECTIONS * EXCHANGES} exchanges each; the yardstick took ${usual.toFixed(2)} times its ` +
    `least in the median round\n`,
);
