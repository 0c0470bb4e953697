/**
 * What a request asks for: of a command document, of OP_MSG's sections, of the opcodes that OP_MSG
 * has replaced. Invariant: a field's value leaves here only where it is a name by the manual's
 * "Database Commands"; everything else is counted or passed over.
 */
import { indexOfByte, latin1Of, textOf } from "../../lib/bytes.ts";
import type { Body } from "./body.ts";
import { BsonReader, BsonType, countDocuments, int32LE } from "./bson.ts";
import { mongodbLimits } from "./limits.ts";
import { CHECKSUM_BYTES, MessageFlag, Opcode } from "./messages.ts";
import type { Command } from "./types.ts";

/** Commands whose first value is the name of a collection. */
const onCollections: ReadonlySet<string> = new Set(
  (
    "aggregate collMod collStats compact convertToCapped count create createIndexes " +
    "createSearchIndexes datasize delete deleteIndexes distinct drop dropIndexes " +
    "dropSearchIndex find findAndModify findandmodify geoNear geoSearch insert killCursors " +
    "listIndexes mapReduce mapreduce parallelCollectionScan planCacheClear " +
    "planCacheClearFilters planCacheListFilters planCacheSetFilter reIndex update " +
    "updateSearchIndex validate"
  ).split(" "),
);

/** Those whose first value is a whole name: database, dot, collection. */
const onNamespaces: ReadonlySet<string> = new Set(
  "renameCollection shardCollection reshardCollection unshardCollection".split(" "),
);

/** What the opcodes are called that carry no command. */
const oldNames: Readonly<Record<number, string>> = {
  [Opcode.query]: "find",
  [Opcode.insert]: "insert",
  [Opcode.update]: "update",
  [Opcode.delete]: "delete",
  [Opcode.getMore]: "getMore",
  [Opcode.killCursors]: "killCursors",
};

const handshakes: ReadonlySet<string> = new Set(["hello", "isMaster", "ismaster"]);

/** Whether it is the command with which a connection begins, and with which it is watched. */
export function isHandshake(command: Command): boolean {
  return command.operation !== undefined && handshakes.has(command.operation);
}

type Draft = { -readonly [Key in keyof Command]: Command[Key] };

/** A document in a message, and how far it is there. */
interface Place {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  readonly seen: number;
}

const reader = new BsonReader();
const inner = new BsonReader();

/** What a request says; of a body that cannot be read, nothing. */
export function commandOf(body: Body | undefined): Command {
  const command: Draft = {
    operation: undefined,
    namespace: undefined,
    collection: undefined,
    statements: undefined,
    applicationName: undefined,
    forDocuments: false,
  };
  if (body === undefined) return command;
  if (body.opcode === Opcode.message) readSections(body, command);
  else if (body.opcode === Opcode.killCursors) command.operation = oldNames[body.opcode];
  else readNamed(body, command);
  return command;
}

/** OP_MSG: sections of kind 0, the command, and of kind 1, a named sequence of documents. */
function readSections({ bytes, start, end: last, seen }: Body, command: Draft): void {
  if (start + 4 > seen) return;
  const hasChecksum = (int32LE(bytes, start) & MessageFlag.checksum) !== 0;
  const end = hasChecksum ? last - CHECKSUM_BYTES : last;
  const limit = Math.min(seen, end);
  let at = start + 4;
  while (at + 5 <= limit) {
    const kind = bytes[at] ?? 0;
    const size = int32LE(bytes, at + 1);
    if (kind > 1 || size < 4 || size > end - at - 1) return;
    const place = { bytes, at: at + 1, end: at + 1 + size, seen: limit };
    if (kind === 0) readCommand(place, command);
    else readSequence(place, command);
    at += 1 + size;
  }
}

/** The body of a command: its name comes first, then its fields in any order. */
function readCommand(place: Place, command: Draft): void {
  const { bytes, at } = place;
  if (!reader.open(bytes, at, place) || !reader.next()) return;
  const name = nameOf(reader);
  command.operation = name;
  if (name !== undefined) readTarget(name, command);
  const isHello = isHandshake(command);
  while (reader.next()) {
    switch (reader.keyEnd - reader.keyStart) {
      case 3:
        if (reader.keyIs("$db")) command.namespace = reader.string(mongodbLimits.nameBytesMax);
        else readStatements("ops", command);
        break;
      case 6:
        if (isHello && reader.keyIs("client")) command.applicationName = applicationOf(reader);
        else readNamespaces(command);
        break;
      case 7:
        readStatements("updates", command);
        readStatements("deletes", command);
        break;
      case 9:
        readStatements("documents", command);
        break;
      case 10:
        if (name === "getMore" && reader.keyIs("collection")) {
          command.collection = reader.string(mongodbLimits.nameBytesMax);
        }
    }
  }
}

/** A word as commands are called; anything else is no name of one. */
function nameOf(element: BsonReader): string | undefined {
  const length = element.keyEnd - element.keyStart;
  if (length === 0 || length > mongodbLimits.commandBytesMax) return undefined;
  const name = element.key();
  return /^[A-Za-z_]\w*$/.test(name) ? name : undefined;
}

/** What the first value says of the command called `name`. */
function readTarget(name: string, command: Draft): void {
  if (onCollections.has(name)) {
    command.collection = reader.string(mongodbLimits.nameBytesMax);
  } else if (onNamespaces.has(name)) {
    setNamespace(reader.string(2 * mongodbLimits.nameBytesMax), command);
  } else if (name === "explain" && reader.type === BsonType.document) {
    const { bytes, value, valueEnd, seen } = reader;
    if (!inner.open(bytes, value, { end: valueEnd, seen }) || !inner.next()) return;
    if (onCollections.has(inner.key())) {
      command.collection = inner.string(mongodbLimits.nameBytesMax);
    }
  }
}

/** An array of statements in the command itself. */
function readStatements(field: string, command: Draft): void {
  if (reader.type !== BsonType.array || !reader.keyIs(field)) return;
  const { bytes, value, valueEnd, seen } = reader;
  command.statements = countItems({ bytes, at: value, end: valueEnd, seen });
}

/** Items of an array; undefined when it is not all there. */
export function countItems({ bytes, at, end, seen }: Place): number | undefined {
  if (!inner.open(bytes, at, { end, seen })) return undefined;
  while (inner.next());
  return inner.complete ? inner.count : undefined;
}

/** bulkWrite's nsInfo in the command itself: the collection, where there is only one. */
function readNamespaces(command: Draft): void {
  if (reader.type !== BsonType.array || !reader.keyIs("nsInfo")) return;
  const { bytes, value, valueEnd, seen } = reader;
  if (!inner.open(bytes, value, { end: valueEnd, seen }) || !inner.next()) return;
  const at = inner.value;
  if (inner.type !== BsonType.document || inner.next() || !inner.complete) return;
  readOnlyNamespace({ bytes, at, end: valueEnd, seen }, command);
}

function readOnlyNamespace(place: Place, command: Draft): void {
  if (!inner.open(place.bytes, place.at, place) || !inner.next() || !inner.keyIs("ns")) return;
  const name = inner.string(2 * mongodbLimits.nameBytesMax) ?? "";
  const dot = name.indexOf(".");
  if (dot > 0) command.collection = name.slice(dot + 1);
}

/** A section of kind 1: its size, its name, its documents. */
function readSequence({ bytes, at, end, seen }: Place, command: Draft): void {
  const nameEnd = indexOfByte(bytes, 0, at + 4, Math.min(seen, at + 4 + 32));
  if (nameEnd < 0 || end > seen) return;
  const name = latin1Of(bytes, at + 4, nameEnd);
  const count = countDocuments(bytes, nameEnd + 1, end);
  if (count < 0) return;
  if (name === "documents" || name === "updates" || name === "deletes" || name === "ops") {
    command.statements = count;
  } else if (name === "nsInfo" && count === 1) {
    readOnlyNamespace({ bytes, at: nameEnd + 1, end, seen }, command);
  }
}

/** OP_QUERY and the others before OP_MSG: four bytes, then database, dot, collection. */
function readNamed({ opcode, bytes, start, end, seen }: Body, command: Draft): void {
  command.operation = oldNames[opcode];
  const nameStart = start + 4;
  const nameMax = nameStart + 2 * mongodbLimits.nameBytesMax;
  const nameEnd = indexOfByte(bytes, 0, nameStart, Math.min(seen, nameMax));
  if (nameEnd < 0) return;
  setNamespace(textOf(bytes, nameStart, nameEnd), command);
  const place = { bytes, at: nameEnd + 1, end, seen };
  if (opcode === Opcode.insert) {
    const count = end > seen ? -1 : countDocuments(bytes, nameEnd + 1, end);
    if (count >= 0) command.statements = count;
  } else if (opcode === Opcode.query && command.collection === "$cmd") {
    command.operation = undefined;
    command.collection = undefined;
    readOldCommand({ ...place, at: nameEnd + 9 }, command);
  } else command.forDocuments = opcode === Opcode.query || opcode === Opcode.getMore;
}

/** A command in OP_QUERY, which may stand in a $query with the read preference beside it. */
function readOldCommand(place: Place, command: Draft): void {
  const { bytes, at } = place;
  if (at + 4 > place.seen) return;
  if (reader.open(bytes, at, place) && reader.next()) {
    const isWrapped = reader.keyIs("$query") || reader.keyIs("query");
    if (isWrapped && reader.type === BsonType.document) {
      const { value, valueEnd, seen } = reader;
      readCommand({ bytes, at: value, end: valueEnd, seen }, command);
      return;
    }
  }
  readCommand(place, command);
}

function setNamespace(name: string | undefined, command: Draft): void {
  const dot = name?.indexOf(".") ?? -1;
  if (name === undefined || dot <= 0) return;
  command.namespace = name.slice(0, dot);
  command.collection = name.slice(dot + 1);
}

/** hello: client.application.name. */
function applicationOf(client: BsonReader): string | undefined {
  const { bytes, value, valueEnd, seen } = client;
  if (client.type !== BsonType.document) return undefined;
  let end = valueEnd;
  let at = value;
  for (const key of ["application", "name"]) {
    if (!inner.open(bytes, at, { end, seen })) return undefined;
    let found = false;
    while (!found && inner.next()) found = inner.keyIs(key);
    if (!found) return undefined;
    at = inner.value;
    end = inner.valueEnd;
  }
  return inner.string(128);
}
