/**
 * Posts of JSON whose overlay is known by the body only: GraphQL and JSON-RPC, on any path.
 * Invariant: the first key decides, so that any other body costs a look at its first bytes.
 */
import { indexOfByte, latin1Of } from "../../../lib/bytes.ts";
import type { Side } from "../../../model/connection.ts";
import type { SpanDraft } from "../../../model/span.ts";
import { jsonFormOf } from "../json-body.ts";
import type { CallEnd, Overlay, OverlayCall, RequestHead, ResponseHead } from "../overlay.ts";
import { GraphqlCall, graphql } from "./graphql/index.ts";
import { JsonRpcCall, jsonrpc } from "./jsonrpc/index.ts";

const HEAD_BYTES_MAX = 64;
const SPACE = 32;
const QUOTE = 34;
const OPEN_ARRAY = 91;
const OPEN_OBJECT = 123;

const OWNERS: ReadonlyMap<string, Overlay> = new Map([
  ...["query", "operationName", "variables", "extensions"].map((key) => [key, graphql] as const),
  ...["jsonrpc", "method", "params", "id"].map((key) => [key, jsonrpc] as const),
]);

export function jsonPostOf(head: RequestHead): OverlayCall | undefined {
  if (head.method !== "POST") return undefined;
  const type = head.field("content-type");
  if (type === undefined || jsonFormOf(type) !== "text") return undefined;
  const coding = head.field("content-encoding");
  // Which overlay a coded body is for is not known before its end.
  return coding === undefined || coding === "identity" ? new JsonPost() : undefined;
}

/** What the overlays need of the head, when the body is seen. */
const PLAIN_HEAD: RequestHead = {
  method: "POST",
  target: undefined,
  host: undefined,
  version: "",
  hasUnknown: false,
  field: () => undefined,
};

class JsonPost implements OverlayCall {
  readonly lacksFields = false;
  #inner: OverlayCall | undefined;
  #isOpen = true;
  #head: Uint8Array | undefined;

  get overlay(): Overlay {
    return this.#inner?.overlay ?? jsonrpc;
  }

  wantsBody(side: Side): boolean {
    if (this.#inner !== undefined) return this.#inner.wantsBody(side);
    return this.#isOpen && side === "request";
  }

  body(side: Side, bytes: Uint8Array, start: number, end: number): void {
    if (this.#inner !== undefined) {
      this.#inner.body?.(side, bytes, start, end);
      return;
    }
    const kept = this.#head;
    const seen = kept === undefined ? bytes.subarray(start, end) : joined(kept, bytes, start, end);
    const key = firstKeyOf(seen);
    if (key === undefined && seen.length < HEAD_BYTES_MAX) {
      this.#head = kept === undefined ? seen.slice() : seen;
      return;
    }
    this.#isOpen = false;
    this.#head = undefined;
    const owner = OWNERS.get(key ?? "");
    if (owner === undefined) return;
    this.#inner = owner === graphql ? new GraphqlCall(PLAIN_HEAD) : new JsonRpcCall(PLAIN_HEAD);
    this.#inner.body?.(side, seen, 0, seen.length);
  }

  missed(side: Side, length: number): void {
    if (this.#inner !== undefined) this.#inner.missed?.(side, length);
    else this.#isOpen = false;
  }

  answered(head: ResponseHead): void {
    this.#isOpen = false;
    this.#inner?.answered?.(head);
  }

  describe(draft: SpanDraft, end: CallEnd): SpanDraft {
    return this.#inner?.describe(draft, end) ?? draft;
  }
}

/**
 * The first key of the object, or of the first object of the array, that begins here; "" = neither
 * begins, undefined = more bytes are needed.
 */
function firstKeyOf(bytes: Uint8Array): string | undefined {
  const end = Math.min(bytes.length, HEAD_BYTES_MAX);
  let index = skipSpace(bytes, 0, end);
  if (bytes[index] === OPEN_ARRAY) index = skipSpace(bytes, index + 1, end);
  if (index >= end) return undefined;
  if (bytes[index] !== OPEN_OBJECT) return "";
  const quote = skipSpace(bytes, index + 1, end);
  if (quote >= end) return undefined;
  if (bytes[quote] !== QUOTE) return "";
  const close = indexOfByte(bytes, QUOTE, quote + 1, end);
  return close < 0 ? undefined : latin1Of(bytes, quote + 1, close);
}

function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  while (index < end && (bytes[index] ?? 0) <= SPACE) index++;
  return index;
}

function joined(head: Uint8Array, bytes: Uint8Array, start: number, end: number): Uint8Array {
  const all = new Uint8Array(head.length + end - start);
  all.set(head);
  all.set(bytes.subarray(start, end), head.length);
  return all;
}
