/**
 * One connection for harnesses that drop, garble and time messages. Invariant: exchange i names
 * its number in its summary (as a table) and in the rows that it returns, so that a wrong pairing
 * shows.
 */

import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import {
  concat,
  execute,
  greeting,
  hello,
  okBody,
  packet,
  prepare,
  prepared,
  query,
  resultSet,
} from "./test-messages.ts";

const ANSWER_TEXT = "x".repeat(280);
/** Rows of exchange i: its number, less a multiple of this. */
const ROWS_CYCLE = 5;

export function conversation(count: number): {
  steps: Step[];
  markerOf(exchange: {
    name: string;
    attributes: Record<string, AttributeValue>;
  }): number | undefined;
} {
  const steps: Step[] = [
    { side: "response", bytes: greeting() },
    { side: "request", bytes: hello() },
    { side: "response", bytes: packet(2, okBody()) },
  ];
  for (let index = 0; index < count; index++) {
    const rows = Array.from({ length: 1 + (index % ROWS_CYCLE) }, () => ANSWER_TEXT);
    const sql = `SELECT name FROM stock_${index} WHERE id = ${index}`;
    steps.push({ side: "request", bytes: query(sql) });
    steps.push({ side: "response", bytes: resultSet(rows) });
  }
  return { steps, markerOf };
}

function markerOf({ name }: { name: string }): number | undefined {
  const found = /^SELECT stock_(\d+)$/.exec(name);
  return found === null ? undefined : Number(found[1]);
}

/** The same by prepared statements: `count` are prepared, then each is executed. */
export function preparedConversation(count: number): Step[] {
  const steps = conversation(0).steps;
  for (let index = 0; index < count; index++) {
    const request = concat(prepare(`SELECT name FROM stock_${index} WHERE id = ?`));
    steps.push({ side: "request", bytes: request });
    steps.push({ side: "response", bytes: prepared(index + 1, { parameters: 1, columns: 1 }) });
    steps.push({ side: "request", bytes: execute(index + 1, 0, 0, 1, 8, 0, new Uint8Array(8)) });
    steps.push({ side: "response", bytes: resultSet([ANSWER_TEXT]) });
  }
  return steps;
}
