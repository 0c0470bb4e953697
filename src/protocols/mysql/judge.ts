/**
 * Judges whether bytes are packets of one side, for detection and after a loss. Invariant: yes is
 * only said of a packet whose length, sequence number and content fit each other.
 */
import { readAttributes } from "./attributes.ts";
import { mysqlLimits } from "./limits.ts";
import {
  Command,
  commandFacts,
  encodedInteger,
  encodedWidth,
  HEADER_BYTES,
  uint16LE,
  uint24LE,
  uint32LE,
} from "./packets.ts";

/** weak: it can be one, and so can be other bytes. */
export type Verdict = "yes" | "weak" | "no" | "more";

/** Words with which a statement begins, as far as clients send them. */
const sqlWords: ReadonlySet<string> = new Set(
  (
    "ALTER ANALYZE BACKUP BEGIN BINLOG CACHE CALL CHANGE CHECK CHECKSUM COMMIT CREATE DEALLOCATE " +
    "DECLARE DELETE DESC DESCRIBE DO DROP EXECUTE EXPLAIN FLUSH GET GRANT HANDLER HELP INSERT " +
    "INSTALL KILL LOAD LOCK OPTIMIZE PREPARE PURGE RELEASE RENAME REPAIR REPLACE RESET REVOKE " +
    "ROLLBACK SAVEPOINT SELECT SET SHOW SHUTDOWN SIGNAL START STOP TABLE TRUNCATE UNINSTALL " +
    "UNLOCK UPDATE USE VALUES WITH XA"
  ).split(" "),
);
const WORD_MAX = 12;
const SPACES_MAX = 64;
const COMMENT_CHARS_MAX = 256;

/** Whether a command's packet begins at index; the view ends at `end`. */
export function judgeCommand(bytes: Uint8Array, index: number, end: number): Verdict {
  if (end - index < HEADER_BYTES + 1) return mayBegin(bytes, index, end) ? "more" : "no";
  const size = uint24LE(bytes, index);
  if (bytes[index + 3] !== 0 || size === 0) return "no";
  const from = index + HEADER_BYTES;
  const command = bytes[from] ?? 0;
  if (commandFacts(command) === undefined) return "no";
  const seen = Math.min(end, from + size);
  const isWhole = seen === from + size;
  switch (command) {
    case Command.query:
      return judgeQuery(bytes, from + 1, { seen, isWhole });
    case Command.stmtPrepare:
      return judgeSql(bytes, from + 1, { seen, isWhole });
    case Command.stmtExecute:
      return judgeExecute(bytes, from, { seen, isWhole, size });
    case Command.ping:
    case Command.quit:
    case Command.statistics:
    case Command.resetConnection:
      return size === 1 ? "weak" : "no";
    case Command.stmtClose:
    case Command.stmtReset:
      return size === 5 && isWhole ? "weak" : size === 5 ? "more" : "no";
    case Command.stmtFetch:
      return size === 9 && isWhole ? "weak" : size === 9 ? "more" : "no";
    case Command.initDb:
      return judgeName(bytes, from + 1, { seen, isWhole });
    default:
      return "no";
  }
}

interface Extent {
  readonly seen: number;
  readonly isWhole: boolean;
}

/** The head of a packet that is too short to judge: lengths beyond 64 KiB are not waited for. */
function mayBegin(bytes: Uint8Array, index: number, end: number): boolean {
  if (end - index >= 3 && bytes[index + 2] !== 0) return false;
  return end - index < 4 || bytes[index + 3] === 0;
}

function judgeQuery(bytes: Uint8Array, from: number, extent: Extent): Verdict {
  const isCount = from < extent.seen && (bytes[from] ?? 0) <= mysqlLimits.attributesMax;
  const place = { from, end: extent.seen, hasSets: true };
  const attributes = isCount ? readAttributes(bytes, place) : undefined;
  return judgeSql(bytes, attributes?.end ?? from, extent);
}

/** A text that begins with a statement, behind white space, parentheses and comments. */
function judgeSql(bytes: Uint8Array, from: number, { seen, isWhole }: Extent): Verdict {
  const start = behindComment(bytes, behindSpace(bytes, from, seen), seen);
  let index = start;
  let word = "";
  while (index < seen && word.length < WORD_MAX && isLetter(bytes[index] ?? 0)) {
    word += String.fromCharCode(bytes[index] ?? 0);
    index++;
  }
  if (index >= seen && !isWhole) return "more";
  return sqlWords.has(word.toUpperCase()) ? "yes" : "no";
}

function behindSpace(bytes: Uint8Array, from: number, seen: number): number {
  let index = from;
  while (index < seen && index < from + SPACES_MAX && isSpaceOrParenthesis(bytes[index] ?? 0)) {
    index++;
  }
  return index;
}

function behindComment(bytes: Uint8Array, from: number, seen: number): number {
  if (bytes[from] !== 0x2f || bytes[from + 1] !== 0x2a) return from;
  const last = Math.min(seen, from + COMMENT_CHARS_MAX);
  for (let index = from + 2; index + 1 < last; index++) {
    // What is in /*!40101 … */ is a statement itself.
    if (index === from + 2 && bytes[index] === 0x21) return behindVersion(bytes, index + 1, seen);
    if (bytes[index] === 0x2a && bytes[index + 1] === 0x2f) {
      return behindSpace(bytes, index + 2, seen);
    }
  }
  return last;
}

function behindVersion(bytes: Uint8Array, from: number, seen: number): number {
  let index = from;
  while (index < seen && index < from + 6 && isDigit(bytes[index] ?? 0)) index++;
  return behindSpace(bytes, index, seen);
}

/** Statement, flags, and the number 1 of executions. */
function judgeExecute(
  bytes: Uint8Array,
  from: number,
  { seen, size }: Extent & { readonly size: number },
): Verdict {
  if (size < 10) return "no";
  if (seen - from < 10) return "more";
  const isSound = (bytes[from + 5] ?? 0) <= 0x0f && uint32LE(bytes, from + 6) === 1;
  return isSound ? "yes" : "no";
}

function judgeName(bytes: Uint8Array, from: number, { seen, isWhole }: Extent): Verdict {
  for (let index = from; index < seen; index++) if ((bytes[index] ?? 0) < 0x20) return "no";
  if (seen - from > 4 * mysqlLimits.databaseCharsMax) return "no";
  return isWhole && seen > from ? "weak" : "more";
}

const ERROR_CODE_MIN = 1_000;
const ERROR_CODE_MAX = 9_999;
const STATUS_AUTOCOMMIT = 0x0002;

/** Whether an answer's first packet begins at index. */
export function judgeAnswer(bytes: Uint8Array, index: number, end: number): Verdict {
  if (end - index < HEADER_BYTES + 1) {
    if (end - index >= 3 && bytes[index + 2] !== 0) return "no";
    return end - index < 4 || bytes[index + 3] === 1 ? "more" : "no";
  }
  if (bytes[index + 3] !== 1) return "no";
  const size = uint24LE(bytes, index);
  const from = index + HEADER_BYTES;
  const lead = bytes[from] ?? 0;
  if (lead === 0xff) return judgeError(bytes, from, { size, end });
  if (lead === 0) return judgeOk(bytes, from, { size, end });
  return judgeColumns(bytes, from, { size, end });
}

interface Size {
  readonly size: number;
  readonly end: number;
}

function judgeError(bytes: Uint8Array, from: number, { size, end }: Size): Verdict {
  if (size < 9 || size > 1_024) return "no";
  if (end - from < 9) return "more";
  const code = uint16LE(bytes, from + 1);
  if (code < ERROR_CODE_MIN || code > ERROR_CODE_MAX || bytes[from + 3] !== 0x23) return "no";
  for (let index = from + 4; index < from + 9; index++) {
    const byte = bytes[index] ?? 0;
    if (!isDigit(byte) && !(byte >= 0x41 && byte <= 0x5a)) return "no";
  }
  return "yes";
}

/** An OK packet that says nothing but numbers, outside of transactions. */
function judgeOk(bytes: Uint8Array, from: number, { size, end }: Size): Verdict {
  if (size < 7 || size > 24) return "no";
  if (end - from < size) return "more";
  const insertAt = from + 1 + encodedWidth(bytes[from + 1] ?? 0);
  const at = insertAt + encodedWidth(bytes[insertAt] ?? 0);
  if (at + 4 !== from + size || end !== from + size) return "no";
  return uint16LE(bytes, at) === STATUS_AUTOCOMMIT ? "yes" : "weak";
}

/** A number of columns, then a definition, which begins with the catalogue "def". */
function judgeColumns(bytes: Uint8Array, from: number, { size, end }: Size): Verdict {
  if (size > 4) return "no";
  const next = from + size;
  if (end - next < HEADER_BYTES + 4) return "more";
  if (encodedInteger(bytes, from, next) < 0 || bytes[next + 3] !== 2) return "no";
  const at = next + HEADER_BYTES;
  const isDefinition = uint32LE(bytes, at) === 0x6665_6403;
  return isDefinition && uint24LE(bytes, next) >= 20 ? "yes" : "no";
}

function isSpaceOrParenthesis(byte: number): boolean {
  return byte === 0x20 || byte === 0x28 || (byte >= 0x09 && byte <= 0x0d);
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
