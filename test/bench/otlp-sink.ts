/**
 * A collector that only counts, in a process of its own so that its work is not the agent's: a
 * gRPC server that looks no deeper than it must to count spans. For each line on stdin it answers
 * with the number of spans received so far. Its first line is its endpoint.
 */
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";

const GRPC_PREFIX_BYTES = 5;
const LENGTH_DELIMITED = 2;
/** ExportTraceServiceRequest.resource_spans, ResourceSpans.scope_spans, ScopeSpans.spans. */
const PATH_TO_SPANS = [1, 2, 2];

let spans = 0;

/** Spans in message[start..end), whose fields named by PATH_TO_SPANS[depth] lead to them. */
function countSpans(message: Buffer, start: number, end: number, depth: number): number {
  let count = 0;
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < end; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < end) {
    const tag = varint();
    if ((tag & 7) !== LENGTH_DELIMITED) throw new Error(`unexpected tag ${tag}`);
    const length = varint();
    if (tag >> 3 === PATH_TO_SPANS[depth]) {
      const last = depth === PATH_TO_SPANS.length - 1;
      count += last ? 1 : countSpans(message, at, at + length, depth + 1);
    }
    at += length;
  }
  return count;
}

const server = http2.createServer();
server.on("stream", (stream: http2.ServerHttp2Stream) => {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => {
    const message = Buffer.concat(chunks);
    // A call that the agent gave up ends in the middle of its message.
    if (message.length < GRPC_PREFIX_BYTES) return;
    if (message.readUInt32BE(1) !== message.length - GRPC_PREFIX_BYTES) return;
    spans += countSpans(message, GRPC_PREFIX_BYTES, message.length, 0);
    const head = { ":status": 200, "content-type": "application/grpc+proto" };
    stream.respond(head, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.alloc(GRPC_PREFIX_BYTES));
  });
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`http://127.0.0.1:${port}\n`);
});
const questions = createInterface({ input: process.stdin });
questions.on("line", () => process.stdout.write(`${spans}\n`));
questions.on("close", () => process.exit(0));
