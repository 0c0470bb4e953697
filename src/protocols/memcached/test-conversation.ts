/**
 * One connection for the harness that loses messages: get and set in turn, exchange i with the key
 * of i in letters, which are told as they are.
 */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";

const VALUE = "v".repeat(950);
const LETTERS = "abcdefghij";

function keyOf(marker: number): string {
  return `m${Array.from(String(marker), (digit) => LETTERS[Number(digit)]).join("")}`;
}

export function markerOf(exchange: {
  name: string;
  attributes: Record<string, AttributeValue>;
}): number | undefined {
  const letters = /^(?:get|set) m([a-j]+)$/.exec(`${exchange.attributes["db.query.text"]}`)?.[1];
  if (letters === undefined) return undefined;
  return Number(Array.from(letters, (letter) => LETTERS.indexOf(letter)).join(""));
}

export function conversation(count: number): { steps: Step[]; markerOf: typeof markerOf } {
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
