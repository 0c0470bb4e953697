/**
 * A connection of any length for the harness that loses, mutates and times: a client that names
 * authority and agent once and refers to them afterwards, and answers of about 1 KB.
 */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import {
  ascii,
  data,
  headers,
  indexed,
  inserted,
  joined,
  passing,
  preface,
  Static,
  settings,
  settingsAck,
} from "./test-frames.ts";

const FIRST_DYNAMIC = 62;
const BODY = ascii("0123456789abcdef".repeat(56));

export function conversation(count: number) {
  const steps: Step[] = [
    { side: "request", bytes: joined([preface, settings]) },
    { side: "response", bytes: joined([settings, settingsAck]) },
    { side: "request", bytes: settingsAck },
  ];
  for (let index = 0; index < count; index++) {
    const stream = 2 * index + 1;
    steps.push({ side: "request", bytes: request(stream, index) });
    steps.push({ side: "response", bytes: answer(stream, index) });
  }
  return { steps, markerOf };
}

function request(stream: number, index: number): Uint8Array {
  const names =
    index === 0
      ? [inserted(Static.authority, "shop.test"), inserted("user-agent", "test/1")]
      : [indexed(FIRST_DYNAMIC + 1), indexed(FIRST_DYNAMIC)];
  const [authority = ascii(""), agent = ascii("")] = names;
  const path = passing(Static.path, `/item/${index}?color=blue`);
  return headers(stream, [indexed(Static.get), path, indexed(Static.http), authority, agent]);
}

function answer(stream: number, index: number): Uint8Array {
  const type = index === 0 ? inserted(Static.contentType, "text/plain") : indexed(FIRST_DYNAMIC);
  const length = passing("content-length", String(BODY.length));
  const head = headers(stream, [indexed(Static.ok), type, length], 0);
  return joined([head, data(stream, BODY)]);
}

function markerOf(exchange: {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}): number | undefined {
  const url = String(exchange.attributes["url.full"] ?? exchange.attributes["url.path"] ?? "");
  const marker = /\/item\/(\d+)/.exec(url)?.[1];
  return marker === undefined ? undefined : Number(marker);
}
