/**
 * Calls of each overlay with a number in them, of about 1 KB with the answer, for the harness that
 * loses, mutates and times (test/harness/overlay-conversations.ts says them as HTTP/1 and HTTP/2).
 * The number stands in the request and, where the overlay tells one of the answer, there, too: two
 * that differ are marker -1.
 */
import { gzipSync } from "node:zlib";
import type { AttributeValue } from "../../../model/attributes.ts";

const encoder = new TextEncoder();

/** One request and its answer, of whatever version of HTTP. */
export interface Turn {
  readonly method: "POST" | "PUT" | "GET";
  readonly target: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly answerFields: Readonly<Record<string, string>>;
  readonly answer: Uint8Array;
  /** The answer comes in pieces of unknown number. */
  readonly isChunked: boolean;
  /** Fields behind the answer. */
  readonly trailers: Readonly<Record<string, string>>;
}

export interface OverlayConversation {
  readonly name: string;
  /** The overlay's folder. */
  readonly overlay: string;
  readonly versions: readonly ("1.1" | "2")[];
  turn(number: number): Turn;
  /** Attribute names that hold the number, or a text that ends with it. */
  readonly markers: readonly string[];
}

const JSON_TYPE = { "content-type": "application/json" };
const FILLER = "the quick brown fox jumps over the lazy dog ".repeat(9);

interface Written {
  readonly target: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly answer: unknown;
  readonly answerFields?: Readonly<Record<string, string>>;
  readonly isChunked?: boolean;
  readonly trailers?: Readonly<Record<string, string>>;
  readonly method?: Turn["method"];
}

function turnOf(written: Written): Turn {
  const { target, fields = JSON_TYPE, body, answer, answerFields = JSON_TYPE } = written;
  const { isChunked = false, method = "POST", trailers = {} } = written;
  const bodies = { body: bytesOf(body), answer: bytesOf(answer) };
  return { method, target, fields, answerFields, isChunked, trailers, ...bodies };
}

function bytesOf(content: unknown): Uint8Array {
  if (content instanceof Uint8Array) return content;
  return encoder.encode(typeof content === "string" ? content : JSON.stringify(content));
}

const usage = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 };
const ask = (number: number, more = {}) => ({
  model: `m-${number}`,
  messages: [{ role: "user", content: FILLER.slice(0, 250) }],
  ...more,
});

function chat(number: number): Turn {
  const message = { role: "assistant", content: FILLER.slice(0, 250) };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  const answer = { id: `c-${number}`, model: `m-${number}`, choices, usage };
  return turnOf({ target: "/v1/chat/completions", body: ask(number), answer });
}

function streamedChat(number: number): Turn {
  const parts = FILLER.slice(0, 80)
    .split(" ")
    .map((content) => ({ index: 0, delta: { content } }));
  const texts = [
    ...parts.map((part) => ({ id: `c-${number}`, choices: [part] })),
    { id: `c-${number}`, choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage },
  ].map((one) => `data: ${JSON.stringify(one)}\n\n`);
  return turnOf({
    target: "/v1/chat/completions",
    body: ask(number, { stream: true }),
    answer: `${texts.join("")}data: [DONE]\n\n`,
    answerFields: { "content-type": "text/event-stream" },
    isChunked: true,
  });
}

function codedChat(number: number): Turn {
  const plain = chat(number);
  const answerFields = { ...JSON_TYPE, "content-encoding": "gzip" };
  return { ...plain, answer: new Uint8Array(gzipSync(plain.answer)), answerFields };
}

function search(number: number): Turn {
  const query = { query: { match: { text: FILLER.slice(0, 200) } } };
  const hits = { total: { value: 1 }, hits: [{ _source: { text: FILLER.slice(0, 250) } }] };
  return turnOf({
    target: `/orders-${number}/_search`,
    fields: { ...JSON_TYPE, "user-agent": "elasticsearch-py/9.5.1" },
    body: query,
    answer: { took: 1, hits },
  });
}

function put(number: number): Turn {
  const signed = "AWS4-HMAC-SHA256 Credential=A/20261121/eu-west-1/s3/aws4_request";
  return turnOf({
    method: "PUT",
    target: `/photos/${number}`,
    fields: { authorization: signed, "x-amz-date": "20261121T000000Z" },
    body: FILLER.repeat(2).slice(0, 700),
    answer: "",
    answerFields: { "x-amz-request-id": "C9ER4AJX75574TDJ" },
  });
}

function query(number: number): Turn {
  const text = `query Q${number}($id: Int) { order(id: $id) { id text owner { name } } }`;
  return turnOf({
    target: "/graphql",
    body: { query: text, operationName: `Q${number}`, variables: { text: FILLER.slice(0, 200) } },
    answer: { data: { order: { text: FILLER.slice(0, 250) } } },
  });
}

function call(number: number): Turn {
  return turnOf({
    target: "/rpc",
    body: { jsonrpc: "2.0", method: "math.add", params: [FILLER.slice(0, 250)], id: number },
    answer: { jsonrpc: "2.0", result: FILLER.slice(0, 250), id: number },
  });
}

function envelope(payload: string, flags = 0): Uint8Array {
  const bytes = encoder.encode(payload);
  const head = Uint8Array.of(flags, 0, 0, bytes.length >> 8, bytes.length);
  return new Uint8Array([...head, ...bytes]);
}

/** Parts, one behind the other. */
export function both(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function grpcWeb(number: number): Turn {
  const type = { "content-type": "application/grpc-web+proto" };
  return turnOf({
    target: `/shop.Stock/Item${number}`,
    fields: type,
    body: envelope(FILLER.slice(0, 250)),
    answer: both(envelope(FILLER.slice(0, 250)), envelope("grpc-status:0\r\n", 0x80)),
    answerFields: type,
    isChunked: true,
  });
}

function grpc(number: number): Turn {
  const type = { "content-type": "application/grpc" };
  return turnOf({
    target: `/shop.Stock/Item${number}`,
    fields: { ...type, te: "trailers" },
    body: envelope(FILLER.slice(0, 250)),
    answer: both(envelope(FILLER.slice(0, 150)), envelope(FILLER.slice(0, 100))),
    answerFields: type,
    trailers: { "grpc-status": "0" },
  });
}

function connected(number: number): Turn {
  const type = { "content-type": "application/connect+proto" };
  return turnOf({
    target: `/shop.Stock/Item${number}`,
    fields: type,
    body: both(envelope(FILLER.slice(0, 150)), envelope(FILLER.slice(0, 100))),
    answer: both(envelope(FILLER.slice(0, 250)), envelope("{}", 0x02)),
    answerFields: type,
    isChunked: true,
  });
}

const models = ["gen_ai.request.model", "gen_ai.response.id"];

function of(
  name: string,
  turn: (number: number) => Turn,
  markers: readonly string[],
  versions: OverlayConversation["versions"] = ["1.1"],
): OverlayConversation {
  return { name, overlay: name.split(" ", 1)[0] ?? "", turn, markers, versions };
}

export const overlayConversations: readonly OverlayConversation[] = [
  of("genai chat", chat, models, ["1.1", "2"]),
  of("genai stream", streamedChat, models, ["1.1", "2"]),
  of("genai compressed", codedChat, models),
  of("elasticsearch", search, ["db.collection.name"]),
  of("s3", put, ["aws.s3.key"]),
  of("graphql", query, ["graphql.operation.name"]),
  of("jsonrpc", call, ["jsonrpc.request.id"], ["1.1", "2"]),
  of("grpc", grpc, ["rpc.method"], ["2"]),
  of("grpc web", grpcWeb, ["rpc.method"]),
  of("connect", connected, ["rpc.method"]),
];

export interface ToldAttributes {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** The number that a span shows; undefined = none. */
export function markerIn(
  { attributes }: ToldAttributes,
  { markers }: OverlayConversation,
): number | undefined {
  const found = markers.flatMap((name) => {
    const digits = /(\d+)$/.exec(String(attributes[name] ?? ""))?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
  return found.every((number) => number === found[0]) ? found[0] : -1;
}
