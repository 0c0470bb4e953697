/** The protocol of Apache Kafka's brokers, up to 4.1. See README.md. */
import type { ConnectionInfo, Side } from "../../model/connection.ts";
import type { Protocol, StreamView } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect } from "./detect.ts";
import { createFacts, type TopicNames } from "./facts.ts";
import { kafkaLimits } from "./limits.ts";
import { lost, match } from "./match.ts";
import { parse, skipped } from "./parse.ts";
import type { KafkaDetail, KafkaFrame, KafkaState } from "./types.ts";

/** A topic's id is its own everywhere and for ever: a fetch may go another way than Metadata. */
function createShared(): TopicNames {
  return new Map();
}

function createState({ role, midstream }: ConnectionInfo, shared?: unknown): KafkaState {
  return {
    isServer: role === "server",
    request: { seeking: midstream, held: undefined },
    response: { seeking: midstream, held: undefined },
    pending: [],
    oneWay: undefined,
    tokens: false,
    asked: createFacts(),
    answered: createFacts(),
    topicNames: shared === undefined ? createShared() : (shared as TopicNames),
    cluster: undefined,
    group: undefined,
    emptyFetches: midstream ? undefined : 0,
  };
}

/** parse() looks for the boundary itself: it can wait for more bytes. */
function resync(view: StreamView, side: Side, state: KafkaState): number {
  state[side].seeking = true;
  return view.start;
}

export const kafka: Protocol<KafkaFrame, KafkaState, KafkaDetail> = {
  id: "kafka",
  limits: {
    frameBytesMax: kafkaLimits.wholeFrameBytesMax,
    inFlightMax: kafkaLimits.inFlightMax,
  },
  pairsById: true,
  detect,
  createShared,
  createState,
  parse,
  skipped,
  lost,
  resync,
  match,
  describe,
};
