/**
 * One connection for the harness that loses messages: GET and SET in turn, exchange i with the key
 * of i in letters, which text.ts leaves as they are.
 */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";

const VALUE_BYTES = 950;
const LETTERS = "abcdefghij";

export function command(...args: readonly string[]): string {
  const strings = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  return `*${args.length}\r\n${strings.join("")}`;
}

export function keyOf(marker: number): string {
  return `m${Array.from(String(marker), (digit) => LETTERS[Number(digit)]).join("")}`;
}

export function markerOf(exchange: {
  name: string;
  attributes: Record<string, AttributeValue>;
}): number | undefined {
  const letters = /^(?:GET|SET) m([a-j]+)/.exec(`${exchange.attributes["db.query.text"]}`)?.[1];
  if (letters === undefined) return undefined;
  return Number(Array.from(letters, (letter) => LETTERS.indexOf(letter)).join(""));
}

export function conversation(count: number): { steps: Step[]; markerOf: typeof markerOf } {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const steps: Step[] = [
    { side: "request", bytes: bytes(command("HELLO", "3")) },
    { side: "response", bytes: bytes("%1\r\n$5\r\nproto\r\n:3\r\n") },
  ];
  for (let index = 0; index < count; index++) {
    const value = "v".repeat(VALUE_BYTES);
    const [request, response] =
      index % 2 === 0
        ? [command("GET", keyOf(index)), `$${value.length}\r\n${value}\r\n`]
        : [command("SET", keyOf(index), value), "+OK\r\n"];
    steps.push({ side: "request", bytes: bytes(request) });
    steps.push({ side: "response", bytes: bytes(response) });
  }
  return { steps, markerOf };
}
