/**
 * What an answer says: whether it is an error, which, and how many documents it brings. Invariant:
 * neither documents nor error texts leave here: they quote what a client stored or asked for.
 */
import type { Body } from "./body.ts";
import { BsonReader, BsonType, int32LE } from "./bson.ts";
import { countItems } from "./commands.ts";
import { CHECKSUM_BYTES, MessageFlag, Opcode, ReplyFlag } from "./messages.ts";
import type { Reply } from "./types.ts";

type Draft = { -readonly [Key in keyof Reply]: Reply[Key] };

/** Of an OP_REPLY before its documents: flags, cursor, starting point, count. */
const REPLY_HEADER_BYTES = 20;
/** The server's code for what OP_REPLY says by a flag. */
const CODE_CURSOR_NOT_FOUND = 43;

const reader = new BsonReader();
const inner = new BsonReader();

/** What an answer says; of a body that cannot be read, nothing. */
export function replyOf(body: Body | undefined): Reply {
  const reply: Draft = {
    code: undefined,
    failed: false,
    returned: undefined,
    affected: undefined,
    header: undefined,
  };
  if (body === undefined) return reply;
  if (body.opcode === Opcode.message) readMessage(body, reply);
  else if (body.opcode === Opcode.reply) readOldReply(body, reply);
  return reply;
}

function readMessage({ bytes, start, end: last, seen }: Body, reply: Draft): void {
  if (start + 5 > seen || bytes[start + 4] !== 0) return;
  const hasChecksum = (int32LE(bytes, start) & MessageFlag.checksum) !== 0;
  const end = hasChecksum ? last - CHECKSUM_BYTES : last;
  readDocument({ bytes, at: start + 5, end, seen: Math.min(seen, end) }, reply);
}

interface Place {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  readonly seen: number;
}

/** The answer to a command; its fields stand in any order. */
function readDocument(place: Place, reply: Draft): void {
  if (!reader.open(place.bytes, place.at, place)) return;
  let writeCode: number | undefined;
  let concernCode: number | undefined;
  let batch: Place | undefined;
  let failures = 0;
  while (reader.next()) {
    switch (reader.keyEnd - reader.keyStart) {
      case 1:
        if (reader.keyIs("n")) reply.affected = reader.number();
        break;
      case 2:
        if (reader.keyIs("ok")) reply.failed = reader.isSeen && !reader.isTrue();
        break;
      case 4:
        if (reader.keyIs("code")) reply.code = reader.number();
        break;
      case 6:
        if (reader.keyIs("cursor")) batch = readCursor(reply);
        break;
      case 7:
        if (reader.keyIs("nErrors")) failures = reader.number() ?? 0;
        break;
      case 8:
      case 9:
      case 10:
        addBulkCount(reply);
        break;
      case 11:
        if (reader.keyIs("writeErrors")) writeCode = firstCode(reader.value);
        break;
      case 17:
        if (reader.keyIs("writeConcernError")) concernCode = codeIn(placeOf(reader));
    }
  }
  if (failures > 0 && batch !== undefined) writeCode = firstFailure(batch);
  if (reply.failed) return;
  // Beside ok: 1 a code is some command's own business.
  reply.code = writeCode ?? concernCode;
  reply.failed = reply.code !== undefined;
}

function placeOf({ bytes, value, valueEnd, seen }: BsonReader): Place {
  return { bytes, at: value, end: valueEnd, seen };
}

/** bulkWrite counts by kind. What it matched is what update's n is. */
function addBulkCount(reply: Draft): void {
  const isCount =
    reader.keyIs("nMatched") ||
    reader.keyIs("nDeleted") ||
    reader.keyIs("nInserted") ||
    reader.keyIs("nUpserted");
  if (isCount) reply.affected = (reply.affected ?? 0) + (reader.number() ?? 0);
}

/** cursor: id, ns, and firstBatch or nextBatch, of which the items are counted. */
function readCursor(reply: Draft): Place | undefined {
  if (reader.type !== BsonType.document) return undefined;
  const place = placeOf(reader);
  if (!inner.open(place.bytes, place.at, place)) return undefined;
  let batch: Place | undefined;
  while (inner.next()) {
    if (inner.keyIs("firstBatch") || inner.keyIs("nextBatch")) {
      if (inner.type === BsonType.array) batch = placeOf(inner);
    }
  }
  if (batch !== undefined) reply.returned = countItems(batch);
  return batch;
}

/** Code of the first document of an array. */
function firstCode(at: number): number | undefined {
  if (reader.type !== BsonType.array) return undefined;
  const { bytes, valueEnd, seen } = reader;
  if (!inner.open(bytes, at, { end: valueEnd, seen }) || !inner.next()) return undefined;
  return inner.type === BsonType.document ? codeIn(placeOf(inner)) : undefined;
}

function codeIn(place: Place): number | undefined {
  if (!inner.open(place.bytes, place.at, place)) return undefined;
  while (inner.next()) if (inner.keyIs("code")) return inner.number();
  return undefined;
}

const items = new BsonReader();

/** bulkWrite tells each statement in its cursor: the first one that is not ok. */
function firstFailure(batch: Place): number | undefined {
  if (!items.open(batch.bytes, batch.at, batch)) return undefined;
  while (items.next()) {
    if (items.type !== BsonType.document) continue;
    const code = codeIn(placeOf(items));
    if (code !== undefined && code !== 0) return code;
  }
  return undefined;
}

/** OP_REPLY: an answer to a command, or documents of a cursor; only the request tells which. */
function readOldReply({ bytes, start, end, seen }: Body, reply: Draft): void {
  if (start + REPLY_HEADER_BYTES > seen) return;
  const place = { bytes, at: start + REPLY_HEADER_BYTES, end, seen };
  if (place.at < seen) readDocument(place, reply);
  const flags = int32LE(bytes, start);
  const notFound = (flags & ReplyFlag.cursorNotFound) !== 0;
  const failed = (flags & ReplyFlag.queryFailure) !== 0;
  reply.header = {
    code: failed ? codeIn(place) : notFound ? CODE_CURSOR_NOT_FOUND : undefined,
    failed: failed || notFound,
    returned: int32LE(bytes, start + 16),
    cursorOpen: int32LE(bytes, start + 4) !== 0 || int32LE(bytes, start + 8) !== 0,
  };
}
