/** Calls of the overlays as HTTP/1 and HTTP/2: one connection, one call after another. */
import { join } from "node:path";
import type { Protocol } from "../../src/protocols/contract.ts";
import {
  both,
  markerIn,
  type OverlayConversation,
  overlayConversations,
  type Turn,
} from "../../src/protocols/http/overlays/test-conversation.ts";
import {
  data,
  headers,
  joined,
  passing,
  preface,
  settings,
  settingsAck,
} from "../../src/protocols/http2/test-frames.ts";
import type { Subject } from "./conversations.ts";
import type { Step } from "./stream-cases.ts";

const root = join(import.meta.dir, "../../src/protocols/http/overlays");
const encoder = new TextEncoder();
const CHUNKS = 3;
/** Without a dot: the bucket of S3 stands in the path. */
const HOST = "localhost";

/** Named "OVERLAY on PROTOCOL". */
export function overlaySubjects(protocols: readonly Protocol[]): readonly Subject[] {
  return overlayConversations.flatMap((spoken) =>
    spoken.versions.flatMap((version) => {
      const id = version === "2" ? "http2" : "http";
      const protocol = protocols.find((one) => one.id === id);
      if (protocol === undefined) return [];
      const say = version === "2" ? http2Conversation : http1Conversation;
      const conversation = (count: number) => say(count, spoken);
      const folder = join(root, spoken.overlay);
      return [{ name: `${spoken.name} on ${id}`, protocol, folder, conversation, isOverlay: true }];
    }),
  );
}

function http1Conversation(count: number, spoken: OverlayConversation) {
  const steps: Step[] = [];
  for (let number = 0; number < count; number++) steps.push(...http1Steps(spoken.turn(number)));
  return { steps, markerOf: markerOf(spoken) };
}

const markerOf = (spoken: OverlayConversation) => (told: Parameters<typeof markerIn>[0]) =>
  markerIn(told, spoken);

export function http1Steps(turn: Turn): Step[] {
  const { method, target, body, answer, isChunked } = turn;
  const lines = (fields: Readonly<Record<string, string>>) =>
    Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
  const head =
    `${method} ${target} HTTP/1.1\r\nhost: ${HOST}\r\n${lines(turn.fields)}` +
    `content-length: ${body.length}\r\n\r\n`;
  const framing = isChunked ? "transfer-encoding: chunked" : `content-length: ${answer.length}`;
  const first = `HTTP/1.1 200 OK\r\n${lines(turn.answerFields)}${framing}\r\n\r\n`;
  const content = isChunked ? chunked(answer, lines(turn.trailers)) : answer;
  return [
    { side: "request", bytes: both(encoder.encode(head), body) },
    { side: "response", bytes: both(encoder.encode(first), content) },
  ];
}

function chunked(body: Uint8Array, trailers: string): Uint8Array {
  const size = Math.max(1, Math.ceil(body.length / CHUNKS));
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    parts.push(encoder.encode(`${part.length.toString(16)}\r\n`), part, encoder.encode("\r\n"));
  }
  return both(...parts, encoder.encode(`0\r\n${trailers}\r\n`));
}

function http2Conversation(count: number, spoken: OverlayConversation) {
  const steps: Step[] = [
    { side: "request", bytes: joined([preface, settings]) },
    { side: "response", bytes: joined([settings, settingsAck]) },
    { side: "request", bytes: settingsAck },
  ];
  for (let number = 0; number < count; number++) {
    steps.push(...http2Steps(spoken.turn(number), 2 * number + 1));
  }
  return { steps, markerOf: markerOf(spoken) };
}

/** No field refers to an earlier one. */
function http2Steps(turn: Turn, stream: number): Step[] {
  const { method, target, body, answer, trailers } = turn;
  const literals = (fields: Readonly<Record<string, string>>) =>
    Object.entries(fields).map(([name, value]) => passing(name, value));
  const pseudo = { ":method": method, ":scheme": "http", ":authority": HOST, ":path": target };
  const hasTrailers = Object.keys(trailers).length > 0;
  const head = headers(stream, literals({ ...pseudo, ...turn.fields }), 0);
  const first = headers(stream, literals({ ":status": "200", ...turn.answerFields }), 0);
  const content = hasTrailers
    ? [data(stream, answer, 0), headers(stream, literals(trailers))]
    : [data(stream, answer)];
  return [
    { side: "request", bytes: joined([head, data(stream, body)]) },
    { side: "response", bytes: joined([first, ...content]) },
  ];
}
