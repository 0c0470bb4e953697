/**
 * One connection from its request on: `count` messages of each side, a pair of about 1 KB, then the
 * close frames. It is one span; its marker is how many messages of the client it tells.
 */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";

const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;
const PAYLOAD_BYTES = 500;
const TEXT = 0x81;
const CLOSE = 0x88;
const encoder = new TextEncoder();

/** RFC 6455 section 5.2; a client's payload is masked. */
export function webSocketFrame(first: number, payload: Uint8Array, isMasked: boolean): Uint8Array {
  const flag = isMasked ? 0x80 : 0;
  const length =
    payload.length < 126
      ? [flag | payload.length]
      : [flag | 126, payload.length >> 8, payload.length & 255];
  const mask = isMasked ? MASK : [];
  const body = isMasked ? payload.map((byte, index) => byte ^ (MASK[index % 4] ?? 0)) : payload;
  return new Uint8Array([first, ...length, ...mask, ...body]);
}

const UPGRADE =
  "GET /chat HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

export function conversation(count: number) {
  const steps: Step[] = [
    { side: "request", bytes: encoder.encode(UPGRADE) },
    { side: "response", bytes: encoder.encode(SWITCHED) },
  ];
  for (let number = 0; number < count; number++) {
    const payload = encoder.encode(`${number} `.padEnd(PAYLOAD_BYTES, "x"));
    steps.push({ side: "request", bytes: webSocketFrame(TEXT, payload, true) });
    steps.push({ side: "response", bytes: webSocketFrame(TEXT, payload, false) });
  }
  const normal = Uint8Array.of(0x03, 0xe8);
  steps.push({ side: "request", bytes: webSocketFrame(CLOSE, normal, true) });
  steps.push({ side: "response", bytes: webSocketFrame(CLOSE, normal, false) });
  return { steps, markerOf };
}

function markerOf({ attributes }: { attributes: Record<string, AttributeValue> }) {
  const told = attributes["olly.websocket.client.messages"];
  return typeof told === "number" ? told : undefined;
}
