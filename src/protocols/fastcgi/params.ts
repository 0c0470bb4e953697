/**
 * Parameters (FastCGI specification 1.0, section 3.4; names by RFC 3875 and what web servers add):
 * pairs of name and value behind their lengths, in a stream that may be cut anywhere. Invariant: no
 * value is kept but those of the names below, and of these a bounded part.
 */
import { latin1Of, uint32BE } from "../../lib/bytes.ts";
import { fastcgiLimits } from "./limits.ts";

const fields = {
  REQUEST_METHOD: "method",
  REQUEST_URI: "uri",
  SCRIPT_NAME: "script",
  PATH_INFO: "pathInfo",
  QUERY_STRING: "query",
  SERVER_PROTOCOL: "protocol",
  REQUEST_SCHEME: "scheme",
  HTTPS: "https",
  REMOTE_ADDR: "remote",
  HTTP_HOST: "host",
  HTTP_USER_AGENT: "userAgent",
  HTTP_FORWARDED: "forwarded",
  HTTP_X_FORWARDED_FOR: "forwardedFor",
  HTTP_X_FORWARDED_HOST: "forwardedHost",
  HTTP_X_FORWARDED_PROTO: "forwardedProto",
  HTTP_TRACEPARENT: "traceparent",
  HTTP_TRACESTATE: "tracestate",
} as const;

type Field = (typeof fields)[keyof typeof fields];

export type Values = Partial<Record<Field, string>>;

interface Known {
  readonly name: Uint8Array;
  readonly field: Field;
}

/** Names by their length. */
const byLength: Known[][] = [];
for (const [name, field] of Object.entries(fields)) {
  const same = byLength[name.length] ?? [];
  same.push({ name: new TextEncoder().encode(name), field });
  byLength[name.length] = same;
}

const LONG_LENGTH = 0x80;
const NOTHING = new Uint8Array();

export class Params {
  readonly values: Values = {};
  /** The beginning of a pair that goes on in the next record. */
  #rest = NOTHING;
  #bytes = 0;
  #isOver = false;

  /** Content of the next record. false: it cannot be parameters, or there are too many. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes += end - start;
    if (this.#bytes > fastcgiLimits.paramsBytesMax) this.#isOver = true;
    if (this.#isOver) {
      this.#rest = NOTHING;
      return false;
    }
    if (this.#rest.length === 0) {
      const behind = this.#read(bytes, start, end);
      if (behind < end) this.#rest = bytes.slice(behind, end);
      return true;
    }
    const joined = new Uint8Array(this.#rest.length + end - start);
    joined.set(this.#rest);
    joined.set(bytes.subarray(start, end), this.#rest.length);
    this.#rest = joined.slice(this.#read(joined, 0, joined.length));
    return true;
  }

  /** Reads whole pairs; gives the index behind the last one. */
  #read(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const nameSize = lengthSizeAt(bytes, at);
      const valueAt = at + nameSize;
      if (valueAt >= end) return at;
      const valueSize = lengthSizeAt(bytes, valueAt);
      const nameStart = valueAt + valueSize;
      if (nameStart > end) return at;
      const nameEnd = nameStart + lengthAt(bytes, at, nameSize);
      const valueEnd = nameEnd + lengthAt(bytes, valueAt, valueSize);
      if (valueEnd > end) return at;
      this.#keep(bytes, nameStart, nameEnd, valueEnd);
      at = valueEnd;
    }
    return at;
  }

  /** The last of several values is the one that an application sees. */
  #keep(bytes: Uint8Array, start: number, nameEnd: number, end: number): void {
    for (const { name, field } of byLength[nameEnd - start] ?? []) {
      if (!isName(bytes, start, name)) continue;
      this.values[field] = latin1Of(
        bytes,
        nameEnd,
        Math.min(end, nameEnd + fastcgiLimits.valueBytesMax),
      );
      return;
    }
  }
}

/** Lengths below 128 take one byte, others four. */
function lengthSizeAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) < LONG_LENGTH ? 1 : 4;
}

function lengthAt(bytes: Uint8Array, at: number, size: number): number {
  return size === 1 ? (bytes[at] ?? 0) : uint32BE(bytes, at) & 0x7fffffff;
}

function isName(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index++) {
    if (bytes[start + index] !== name[index]) return false;
  }
  return true;
}
