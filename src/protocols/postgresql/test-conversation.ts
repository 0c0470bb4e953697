/**
 * One session; statement i reads the table orders_i. Even ones are simple queries, odd ones are
 * parsed, bound and executed; the answers have three rows, about 900 bytes.
 */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import {
  bind,
  bindComplete,
  concat,
  execute,
  message,
  parse,
  parseComplete,
  query,
  ready,
  row,
  startup,
  sync,
  tag,
} from "./test-messages.ts";

const ROW_CHARS = 280;
const rowDescription = message("T", "\0\x01text\0", new Uint8Array(18));

function exchange(number: number): Step[] {
  const text = `SELECT text FROM orders_${number} WHERE id = ${number}`;
  const rows = Array.from({ length: 3 }, () => row(`${number}`.padEnd(ROW_CHARS, "x")));
  const end = concat(...rows, tag("SELECT 3"), ready());
  if (number % 2 === 0) {
    return [
      { side: "request", bytes: query(text) },
      { side: "response", bytes: concat(rowDescription, end) },
    ];
  }
  return [
    { side: "request", bytes: concat(parse("", text), bind("", ""), execute(), sync) },
    { side: "response", bytes: concat(parseComplete, bindComplete, end) },
  ];
}

export function conversation(count: number) {
  const steps: Step[] = [
    { side: "request", bytes: startup({ user: "alice", database: "shop" }) },
    { side: "response", bytes: concat(message("R", new Uint8Array(4)), ready()) },
  ];
  for (let number = 0; number < count; number++) steps.push(...exchange(number));
  return { steps, markerOf };
}

function markerOf({ name }: { name: string; attributes: Record<string, AttributeValue> }) {
  const found = /^SELECT orders_(\d+)$/.exec(name);
  return found === null ? undefined : Number(found[1]);
}
