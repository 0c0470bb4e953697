/**
 * What is read of one body. One object per connection, used again for each: decode.ts fills it and
 * match.ts copies what stays. Invariant: it holds no key, value, assignment or secret.
 */
import { limits } from "../../limits.ts";
import { kafkaLimits } from "./limits.ts";
import type { RecordCount } from "./records.ts";

export interface Facts extends RecordCount {
  topic: string | undefined;
  /** 16 bytes as Latin-1 characters; undefined when the topic is named. */
  topicId: string | undefined;
  /** Topics and partitions that it is about, repetitions not known. */
  topics: number;
  partitions: number;
  partition: number;
  /** Of the first partition; undefined when it says none. */
  offset: number | undefined;
  /** The first error code that is not 0. */
  error: number;
  group: string | undefined;
  transaction: string | undefined;
  /** Of Produce; 1 otherwise. */
  acks: number;
  /** A broker that fetches for itself; -1 = a client. */
  replica: number;
  coordinatorKey: string | undefined;
  coordinatorType: number;
  resourceType: number;
  cluster: string | undefined;
  currentTopic: string | undefined;
  currentTopicId: string | undefined;
  currentPartition: number;
  /** False when the end of the body was not read. */
  whole: boolean;
}

export function createFacts(): Facts {
  return {
    messages: 0,
    batches: 0,
    counted: true,
    compression: 0,
    firstOffset: undefined,
    topic: undefined,
    topicId: undefined,
    topics: 0,
    partitions: 0,
    partition: 0,
    offset: undefined,
    error: 0,
    group: undefined,
    transaction: undefined,
    acks: 1,
    replica: -1,
    coordinatorKey: undefined,
    coordinatorType: 0,
    resourceType: 0,
    cluster: undefined,
    currentTopic: undefined,
    currentTopicId: undefined,
    currentPartition: 0,
    whole: true,
  };
}

/** Field by field: copying all of another object costs more than reading a request. */
export function resetFacts(facts: Facts): void {
  facts.messages = 0;
  facts.batches = 0;
  facts.counted = true;
  facts.compression = 0;
  facts.firstOffset = undefined;
  facts.topic = undefined;
  facts.topicId = undefined;
  facts.topics = 0;
  facts.partitions = 0;
  facts.partition = 0;
  facts.offset = undefined;
  facts.error = 0;
  facts.group = undefined;
  facts.transaction = undefined;
  facts.acks = 1;
  facts.replica = -1;
  facts.coordinatorKey = undefined;
  facts.coordinatorType = 0;
  facts.resourceType = 0;
  facts.cluster = undefined;
  facts.currentTopic = undefined;
  facts.currentTopicId = undefined;
  facts.currentPartition = 0;
  facts.whole = true;
}

export function noteTopic(facts: Facts, topic: string | undefined, id: string | undefined): void {
  facts.topics++;
  if (facts.topics > 1) return;
  facts.topic = topic;
  facts.topicId = id;
}

export function notePartition(facts: Facts, partition: number): void {
  if (facts.partitions++ === 0) facts.partition = partition;
}

/** A partition of an answer to Fetch that brought something: records or an error. */
export function noteFetched(facts: Facts): void {
  const { currentTopic, currentTopicId } = facts;
  const isSame = currentTopic === facts.topic && currentTopicId === facts.topicId;
  if (facts.topics === 0 || !isSame) noteTopic(facts, currentTopic, currentTopicId);
  notePartition(facts, facts.currentPartition);
}

/** Names of topics by their ids: 16 bytes as Latin-1 characters. */
export type TopicNames = Map<string, string>;

/** An answer has told a topic's name; those that were told first are forgotten when it is full. */
export function learnTopic(topics: TopicNames, id: string, name: string): void {
  if (topics.size >= kafkaLimits.topicIdsMax && !topics.has(id)) {
    let forgotten = 0;
    for (const oldest of topics.keys()) {
      topics.delete(oldest);
      if (++forgotten === limits.evictedAtOnce) break;
    }
  }
  topics.set(id, name);
}
