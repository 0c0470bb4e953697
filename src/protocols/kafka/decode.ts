/**
 * Reads a body by its layout. Invariant: no byte at or behind `end` is read, every length is held
 * against what is left of the frame, and each element of an array takes at least one byte of it, so
 * that time is linear in the bytes that are here.
 */
import { latin1Of, uint16BE, uint32BE } from "../../lib/bytes.ts";
import {
  type Facts,
  learnTopic,
  noteFetched,
  notePartition,
  noteTopic,
  type TopicNames,
} from "./facts.ts";
import { type Layout, type Op, OpKind, type Role } from "./layouts.ts";
import { kafkaLimits } from "./limits.ts";
import { countRecords, int64BE } from "./records.ts";
import { nameOf } from "./text.ts";

/** ok: all of it, and nothing is left. stopped: as far as the layout goes. */
export type Decoded = "ok" | "stopped" | "short" | "malformed";

export interface Cursor {
  readonly bytes: Uint8Array;
  /** May lie behind `end` when records were passed over that are not here. */
  position: number;
  /** Behind the last byte that is here. */
  readonly end: number;
  /** Behind the frame's last byte. */
  readonly limit: number;
}

/** Where a decoding ends up beside the facts. */
export interface Findings {
  readonly facts: Facts;
  /** Learns the names of topic ids. */
  readonly topicNames: TopicNames;
}

const RESOURCE_TOPIC = 2;
const NO_TOPIC_ID = "\0".repeat(16);
/** Longest unsigned varint of 32 bits. */
const VARINT_BYTES_MAX = 5;
const PASSED = -2;

/** Decodes from the cursor on; where it ends, the cursor stands. */
export function decode(cursor: Cursor, layout: Layout, findings: Findings): Decoded {
  const walk = new Walk(cursor, layout.flexible, findings);
  if (walk.struct(layout.ops)) return cursor.position === cursor.limit ? "ok" : "malformed";
  if (walk.ended !== "short") return walk.ended;
  // Behind the last records only a few bytes follow that say nothing.
  const { facts } = findings;
  facts.whole = walk.passedRecords && walk.elementsLeft === 0;
  if (!facts.whole) facts.counted = false;
  return "short";
}

/** Reads the tagged fields that end a header; false when they are not here or not sound. */
export function passTags(cursor: Cursor): Decoded {
  const walk = new Walk(cursor, true, undefined);
  return walk.tags() ? "ok" : walk.ended;
}

class Walk {
  ended: Exclude<Decoded, "ok"> = "stopped";
  /** Elements of the arrays around the cursor that have not been begun. */
  elementsLeft = 0;
  /** Records reach to the end of what is here, or beyond. */
  passedRecords = false;
  readonly #cursor: Cursor;
  readonly #flexible: boolean;
  readonly #findings: Findings | undefined;

  constructor(cursor: Cursor, flexible: boolean, findings: Findings | undefined) {
    this.#cursor = cursor;
    this.#flexible = flexible;
    this.#findings = findings;
  }

  struct(ops: readonly Op[]): boolean {
    for (let index = 0; index < ops.length; index++) {
      const op = ops[index];
      if (op === undefined || !this.#field(op)) return false;
    }
    return !this.#flexible || this.tags();
  }

  /** Tagged fields (KIP-482): their number, then number, size and bytes of each. */
  tags(): boolean {
    const count = this.#varint();
    if (count < 0) return false;
    for (let index = 0; index < count; index++) {
      if (this.#varint() < 0) return false;
      const size = this.#varint();
      if (size < 0 || !this.#has(size)) return false;
      this.#cursor.position += size;
    }
    return true;
  }

  #field(op: Op): boolean {
    switch (op.kind) {
      case OpKind.fixed:
        return this.#fixed(op);
      case OpKind.text:
        return this.#text(op.role);
      case OpKind.records:
        return this.#records();
      case OpKind.bytes: {
        const length = this.#flexible ? this.#compactLength() : this.#length();
        return length >= -1 && this.#pass(Math.max(length, 0));
      }
      case OpKind.stop:
        this.ended = "stopped";
        return false;
      default:
        return this.#array(op);
    }
  }

  #fixed(op: Op): boolean {
    if (!this.#has(op.size)) return false;
    if (op.role !== "none") this.#number(op.role, op.size);
    this.#cursor.position += op.size;
    return true;
  }

  #array(op: Op): boolean {
    const count = this.#flexible ? this.#compactLength() : this.#length();
    if (count === PASSED) return false;
    if (count > this.#cursor.limit - this.#cursor.position) return this.#fail("malformed");
    const [value] = op.body;
    for (let left = count - 1; left >= 0; left--) {
      this.elementsLeft += left;
      const isRead =
        op.kind === OpKind.structs
          ? this.struct(op.body)
          : value !== undefined && this.#field(value);
      if (!isRead) return false;
      this.elementsLeft -= left;
    }
    return true;
  }

  #text(role: Role): boolean {
    let length = 0;
    if (this.#flexible) length = this.#compactLength();
    else if (this.#has(2)) {
      length = (uint16BE(this.#cursor.bytes, this.#cursor.position) << 16) >> 16;
      this.#cursor.position += 2;
      if (length < -1) return this.#fail("malformed");
    } else return false;
    if (length === PASSED) return false;
    const size = Math.max(length, 0);
    if (!this.#has(size)) return false;
    if (role !== "none" && length >= 0) this.#named(role, size);
    else if (role === "currentTopic" && this.#findings !== undefined) {
      this.#findings.facts.currentTopic = undefined;
    }
    this.#cursor.position += size;
    return true;
  }

  #records(): boolean {
    const cursor = this.#cursor;
    const length = this.#flexible ? this.#compactLength() : this.#length();
    if (length === PASSED) return false;
    if (length > cursor.limit - cursor.position) return this.#fail("malformed");
    if (length <= 0 || this.#findings === undefined) return true;
    const { facts } = this.#findings;
    const { bytes, position: start, end } = cursor;
    countRecords({ bytes, start, limit: start + length, end }, facts);
    if (facts.currentTopic !== undefined || facts.currentTopicId !== undefined) noteFetched(facts);
    cursor.position += length;
    this.passedRecords = cursor.position >= end;
    return true;
  }

  #number(role: Role, size: number): void {
    const { bytes, position } = this.#cursor;
    const found = this.#findings;
    if (found === undefined) return;
    const { facts } = found;
    if (size === 16) {
      this.#topicId(role, latin1Of(bytes, position, position + size), found);
      return;
    }
    const value = numberAt(bytes, position, size);
    if (role === "partition") notePartition(facts, value);
    else if (role === "currentPartition") facts.currentPartition = value;
    else if (role === "offset") {
      if (facts.offset === undefined && value >= 0) facts.offset = value;
    } else if (role === "error" || role === "fetchError") {
      if (value === 0) return;
      if (facts.error === 0) facts.error = value;
      if (role === "fetchError") noteFetched(facts);
    } else if (role === "acks") facts.acks = value;
    else if (role === "replica") facts.replica = value;
    else if (role === "coordinatorType") facts.coordinatorType = value;
    else if (role === "resourceType") facts.resourceType = value;
  }

  #topicId(role: Role, id: string, { facts, topicNames }: Findings): void {
    if (id === NO_TOPIC_ID) return;
    if (role === "topicId") noteTopic(facts, undefined, id);
    else if (role === "currentTopicId") facts.currentTopicId = id;
    else if (role === "learnId" && facts.currentTopic !== undefined) {
      learnTopic(topicNames, id, facts.currentTopic);
    }
  }

  #named(role: Role, size: number): void {
    if (this.#findings === undefined) return;
    const { facts } = this.#findings;
    const { bytes, position } = this.#cursor;
    const text = nameOf(bytes, position, position + Math.min(size, kafkaLimits.nameBytesMax));
    if (role === "topic") noteTopic(facts, text, undefined);
    else if (role === "currentTopic") facts.currentTopic = text;
    else if (role === "group") facts.group = text;
    else if (role === "transaction") facts.transaction = text;
    else if (role === "coordinator") facts.coordinatorKey = text;
    else if (role === "cluster") facts.cluster = text;
    else if (role === "resource" && facts.resourceType === RESOURCE_TOPIC) {
      noteTopic(facts, text, undefined);
    }
  }

  /** A signed length of four bytes, -1 for null; PASSED when there is none. */
  #length(): number {
    if (!this.#has(4)) return PASSED;
    const { bytes, position } = this.#cursor;
    const length = uint32BE(bytes, position) | 0;
    this.#cursor.position += 4;
    if (length >= -1) return length;
    this.#fail("malformed");
    return PASSED;
  }

  #compactLength(): number {
    const length = this.#varint();
    return length < 0 ? PASSED : length - 1;
  }

  #varint(): number {
    const { bytes } = this.#cursor;
    let value = 0;
    for (let read = 0; read < VARINT_BYTES_MAX; read++) {
      if (!this.#has(1)) return -1;
      const byte = bytes[this.#cursor.position++] ?? 0;
      value += (byte & 0x7f) * 2 ** (7 * read);
      if (byte < 0x80) return value;
    }
    this.#fail("malformed");
    return -1;
  }

  #pass(size: number): boolean {
    if (!this.#has(size)) return false;
    this.#cursor.position += size;
    return true;
  }

  #has(size: number): boolean {
    const { position, end, limit } = this.#cursor;
    if (position + size > limit) return this.#fail("malformed");
    if (position + size > end) return this.#fail("short");
    return true;
  }

  #fail(as: "short" | "malformed"): false {
    this.ended = as;
    return false;
  }
}

function numberAt(bytes: Uint8Array, at: number, size: number): number {
  if (size === 8) return int64BE(bytes, at);
  if (size === 4) return uint32BE(bytes, at) | 0;
  if (size === 2) return (uint16BE(bytes, at) << 16) >> 16;
  return bytes[at] ?? 0;
}
