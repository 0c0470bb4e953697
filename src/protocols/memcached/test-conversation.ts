/**
 * One connection for the harness that loses messages: get and set in turn, exchange i with the key
 * of i in letters, which are told as they are.
 */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import { memcached, memcachedBinary } from "./index.ts";
import { join, request, response } from "./test-packets.ts";

const VALUE = "v".repeat(950);
const LETTERS = "abcdefghij";

function keyOf(marker: number): string {
  return `m${Array.from(String(marker), (digit) => LETTERS[Number(digit)]).join("")}`;
}

export function markerOf(exchange: {
  name: string;
  attributes: Record<string, AttributeValue>;
}): number | undefined {
  const letters = /^(?:get|set|GetK|Set) m([a-j]+)$/.exec(
    `${exchange.attributes["db.query.text"]}`,
  )?.[1];
  if (letters === undefined) return undefined;
  return Number(Array.from(letters, (letter) => LETTERS.indexOf(letter)).join(""));
}

/** By the same operations of either protocol; the quiet ones are in every fourth exchange. */
export function conversation(
  count: number,
  protocol: object = memcached,
): { steps: Step[]; markerOf: typeof markerOf } {
  return protocol === memcachedBinary ? binaryConversation(count) : textConversation(count);
}

function textConversation(count: number): { steps: Step[]; markerOf: typeof markerOf } {
  const encoder = new TextEncoder();
  const steps: Step[] = [];
  for (let index = 0; index < count; index++) {
    const key = keyOf(index);
    const [request, response] =
      index % 2 === 0
        ? [`get ${key}\r\n`, `VALUE ${key} 0 ${VALUE.length}\r\n${VALUE}\r\nEND\r\n`]
        : [`set ${key} 0 0 ${VALUE.length}\r\n${VALUE}\r\n`, "STORED\r\n"];
    steps.push({ side: "request", bytes: encoder.encode(request) });
    steps.push({ side: "response", bytes: encoder.encode(response) });
  }
  return { steps, markerOf };
}

/** All with the same opaque, as libmemcached has it. */
function binaryConversation(count: number): { steps: Step[]; markerOf: typeof markerOf } {
  const steps: Step[] = [];
  const flags = new Uint8Array(4);
  for (let index = 0; index < count; index++) {
    const key = keyOf(index);
    const quiet = request(0x0d, { key: "other" });
    const own = request(0x0c, { key });
    const [question, answer] =
      index % 2 === 0
        ? [
            index % 4 === 0 ? join(quiet, own) : own,
            response(0x0c, { extras: flags, key, value: VALUE }),
          ]
        : [request(0x01, { extras: new Uint8Array(8), key, value: VALUE }), response(0x01)];
    steps.push({ side: "request", bytes: question });
    steps.push({ side: "response", bytes: answer });
  }
  return { steps, markerOf };
}
