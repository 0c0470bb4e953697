/**
 * A conversation as libolly reports it, through the whole pipeline, with messages dropped or cut.
 * One step is one message and one millisecond, so that a span's times say which steps it is.
 */
import { createIdSource } from "../../src/lib/ids.ts";
import type { Attribute } from "../../src/model/attributes.ts";
import { MessageFlag, MessageType } from "../../src/model/message.ts";
import type { Span } from "../../src/model/span.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { protocols } from "../../src/protocols/index.ts";
import { Drops } from "../../src/self/drops.ts";
import { type Conversation, policy } from "./conversations.ts";

/** The connection was open before olly came: the first step that is seen. */
export interface Joined {
  readonly from: number;
  /** Whether it is known which end called the other. */
  readonly roleKnown: boolean;
  /** Whether the program asks from an event loop. */
  readonly eventLoop?: boolean;
}

/**
 * keep: as it is. drop: never seen. cut: only the first bytes were captured. hollow: only the first
 * and the last, as of a call that is larger than what is captured of one.
 */
export type Fate = "keep" | "drop" | "cut" | "hollow";

export interface Passage {
  readonly marker: number | undefined;
  /** Steps, from 0. */
  readonly start: number;
  readonly end: number;
  readonly complete: boolean;
  readonly attributes: readonly Attribute[];
  readonly name: string;
}

export interface Run {
  readonly passages: readonly Passage[];
  readonly drops: Drops;
  readonly bugs: readonly unknown[];
  readonly sizes: Pipeline["sizes"];
}

const STEP_NS = 1e6;
const FIRST_NS = 1e9;
const PID = 100;
const FD = 5;
const CUT_BYTES = 11;
/** What is captured at the beginning of a hollow message, and at its end. */
const HOLLOW_HEAD_BYTES = 200;
const HOLLOW_TAIL_BYTES = 100;

export function run(
  conversation: Conversation,
  fateOf: (step: number) => Fate,
  joined?: Joined,
): Run {
  const drops = new Drops();
  const spans: Span[] = [];
  const bugs: unknown[] = [];
  const pipeline = new Pipeline({
    protocols,
    policy,
    ids: createIdSource(),
    drops,
    endpointsOf: () => ({
      transport: "tcp",
      remote: { address: "192.0.2.10", port: 4000 },
      local: { address: "192.0.2.20", port: 50_000 },
    }),
    pathOf: () => undefined,
    span: (span) => spans.push(span),
    log: () => undefined,
    bug: (error) => bugs.push(error),
  });
  const process = { id: 1, pid: PID, executable: "/bin/x", args: [], serviceName: "x" };
  pipeline.processStarted({ ...process, resource: { attributes: [] } });
  let sequence = 0;
  let beginning = 0;
  if (joined !== undefined) beginning |= MessageFlag.midstream;
  if (joined?.roleKnown === false) beginning |= MessageFlag.roleUnknown;
  const send = (type: number, timeNs: number, payload: Uint8Array, wireLength: number) => {
    const loop = joined?.eventLoop === true ? MessageFlag.eventLoop : 0;
    const flags = MessageFlag.sequenced | loop | (type === MessageType.connect ? beginning : 0);
    const ids = { pid: PID, tid: PID, fd: FD };
    pipeline.message(1, { type, flags, ...ids, sequence, timeNs, payload, wireLength });
  };
  const nothing = new Uint8Array(0);
  send(MessageType.connect, FIRST_NS - STEP_NS, nothing, 0);
  conversation.steps.forEach(({ side, bytes }, step) => {
    if (step < (joined?.from ?? 0)) return;
    sequence = (sequence + 1) & 0xffff;
    const fate = fateOf(step);
    const timeNs = FIRST_NS + step * STEP_NS;
    const type = side === "request" ? MessageType.dataOut : MessageType.dataIn;
    if (fate === "hollow" && bytes.length > HOLLOW_HEAD_BYTES + HOLLOW_TAIL_BYTES) {
      const tail = bytes.subarray(bytes.length - HOLLOW_TAIL_BYTES);
      send(type, timeNs, bytes.subarray(0, HOLLOW_HEAD_BYTES), bytes.length - tail.length);
      sequence = (sequence + 1) & 0xffff;
      send(type, timeNs, tail, tail.length);
    } else if (fate !== "drop") {
      send(type, timeNs, fate === "cut" ? bytes.subarray(0, CUT_BYTES) : bytes, bytes.length);
    }
    pipeline.tick(timeNs);
  });
  const lastNs = FIRST_NS + conversation.steps.length * STEP_NS;
  pipeline.tick(lastNs + FIRST_NS);
  sequence = (sequence + 1) & 0xffff;
  send(MessageType.close, lastNs, nothing, 0);
  // Held back behind a loss at the end, the close comes when waiting is over.
  for (const seconds of [2, 3]) pipeline.tick(lastNs + seconds * FIRST_NS);
  return {
    passages: spans.map((span) => passageOf(conversation, span)),
    drops,
    bugs,
    sizes: pipeline.sizes,
  };
}

function passageOf(conversation: Conversation, span: Span): Passage {
  const attributes = Object.fromEntries(span.attributes);
  return {
    marker: conversation.markerOf({ name: span.name, attributes }),
    start: (span.startNs - FIRST_NS) / STEP_NS,
    end: (span.endNs - FIRST_NS) / STEP_NS,
    complete: attributes["olly.exchange.outcome"] === undefined,
    attributes: span.attributes,
    name: span.name,
  };
}
