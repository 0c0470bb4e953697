/**
 * Cost of one exchange of every protocol in the agent's own code, through the driver that ships: a
 * client's connection of about 1 KB for each exchange, parsed, paired and described. The ratio is
 * to a bare copy of the same bytes, as the intake makes one; what parsing and pairing take of it is
 * told beside it. A figure is CPU time, the least of many rounds that take turns. Invariant: every
 * exchange that is counted was complete, by the protocol that is measured.
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
import { type Figure, header, row } from "./figures.ts";

const EXCHANGES = 500;
const CONNECTIONS = 20;
const ROUNDS = 20;
const US_PER_KB_MAX = 5;

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

function figureOf(subject: Subject): Figure {
  const { name, conversation } = subject;
  const spoken = conversation(EXCHANGES);
  const bytes = spoken.steps.reduce((sum, step) => sum + step.bytes.length, 0) / EXCHANGES;
  const least = { all: Infinity, reading: Infinity, copying: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    least.all = Math.min(least.all, readingUs(subject, spoken, true));
    least.reading = Math.min(least.reading, readingUs(subject, spoken, false));
    least.copying = Math.min(least.copying, copyingUs(spoken));
  }
  return {
    name: `${name}: an exchange of ${bytes.toFixed(0)} bytes`,
    value: least.all,
    unit: "us",
    target: { atMost: (US_PER_KB_MAX * Math.max(bytes, 1024)) / 1024 },
    note:
      `${(least.all / least.copying).toFixed(0)} times the bare copy ` +
      `(${least.copying.toFixed(3)} us); without description ${least.reading.toFixed(2)} us`,
  };
}

const chosen = process.argv.slice(2);
process.stdout.write(`${header()}\n`);
for (const subject of all) {
  if (chosen.length > 0 && !chosen.includes(subject.name)) continue;
  process.stdout.write(`${row(figureOf(subject))}\n`);
}
