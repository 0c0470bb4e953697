/**
 * A conversation for the harnesses that lose, change and time messages: confirmed messages of about
 * 1 KB on one channel, whose numbers stand in their message ids.
 */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import { ATTR_MESSAGING_MESSAGE_ID } from "../../semconv/messaging.ts";
import { END_OCTET, FrameType, PROTOCOL_HEADER } from "./frames.ts";
import { Method } from "./methods.ts";

const encoder = new TextEncoder();
const CHANNEL = 1;
const BODY_BYTES = 900;
const FLAG_MESSAGE_ID = 0x0080;

export function conversation(count: number): {
  readonly steps: Step[];
  markerOf(exchange: {
    readonly name: string;
    readonly attributes: Record<string, AttributeValue>;
  }): number | undefined;
} {
  const steps = opening();
  for (let number = 0; number < count; number++) {
    steps.push({ side: "request", bytes: published(number) });
    const confirm = join(uint(number + 1, 8), Uint8Array.of(0));
    steps.push({ side: "response", bytes: method(CHANNEL, Method.ack, confirm) });
  }
  return {
    steps,
    markerOf: ({ attributes }) => {
      const id = attributes[ATTR_MESSAGING_MESSAGE_ID];
      return typeof id === "string" ? Number(id.replace("message-", "")) : undefined;
    },
  };
}

/** Protocol header, start to open-ok, a channel, confirm.select. */
function opening(): Step[] {
  const tune = join(uint(2_047, 2), uint(131_072, 4), uint(60, 2));
  const start = join(Uint8Array.of(0, 9), uint(0, 4), longString("PLAIN"), longString("en_US"));
  const startOk = join(uint(0, 4), shortString("PLAIN"), longString("..."), shortString("en_US"));
  const open = join(shortString("/"), shortString(""), Uint8Array.of(0));
  const asked = join(
    ...[method(0, Method.tuneOk, tune), method(0, Method.open, open)],
    method(CHANNEL, Method.channelOpen, shortString("")),
    method(CHANNEL, Method.confirmSelect, Uint8Array.of(0)),
  );
  const answered = join(
    ...[
      method(0, Method.openOk, shortString("")),
      method(CHANNEL, Method.channelOpenOk, uint(0, 4)),
    ],
    method(CHANNEL, Method.confirmSelectOk, new Uint8Array()),
  );
  return [
    { side: "request", bytes: PROTOCOL_HEADER },
    { side: "response", bytes: method(0, Method.start, start) },
    { side: "request", bytes: method(0, Method.startOk, startOk) },
    { side: "response", bytes: method(0, Method.tune, tune) },
    { side: "request", bytes: asked },
    { side: "response", bytes: answered },
  ];
}

/** basic.publish, content header and body. */
function published(number: number): Uint8Array {
  const names = join(uint(0, 2), shortString("orders"), shortString("order.created"));
  const properties = join(
    ...[uint(60, 2), uint(0, 2), uint(BODY_BYTES, 8), uint(FLAG_MESSAGE_ID, 2)],
    shortString(`message-${number}`),
  );
  return join(
    method(CHANNEL, Method.publish, join(names, Uint8Array.of(0))),
    frame(FrameType.header, CHANNEL, properties),
    frame(FrameType.body, CHANNEL, new Uint8Array(BODY_BYTES).fill(0x78)),
  );
}

export function method(channel: number, id: number, given: Uint8Array): Uint8Array {
  return frame(FrameType.method, channel, join(uint(id, 4), given));
}

export function frame(type: number, channel: number, payload: Uint8Array): Uint8Array {
  const head = join(Uint8Array.of(type), uint(channel, 2), uint(payload.length, 4));
  return join(head, payload, Uint8Array.of(END_OCTET));
}

export function uint(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = size - 1, rest = value; index >= 0; index--, rest = Math.floor(rest / 256)) {
    bytes[index] = rest % 256;
  }
  return bytes;
}

export function shortString(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return join(uint(bytes.length, 1), bytes);
}

export function longString(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return join(uint(bytes.length, 4), bytes);
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
