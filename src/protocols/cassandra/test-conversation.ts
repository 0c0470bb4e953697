/** A long conversation whose exchanges are told apart by the names of their tables. */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import { Opcode } from "./messages.ts";
import {
  answered,
  answers,
  asked,
  asks,
  joined,
  query,
  rows,
  short,
  text,
} from "./test-messages.ts";

const PREFIX = "orders_";
/** With the request, about a kilobyte. */
const TEXT = "lorem ipsum ".repeat(72);
/** Streams are used again soon, as drivers do. */
const STREAMS = 7;

/** One connection of version 4: STARTUP, then `count` queries of one row each. */
export function conversation(count: number): {
  readonly steps: Step[];
  markerOf(exchange: {
    readonly name: string;
    readonly attributes: Record<string, AttributeValue>;
  }): number | undefined;
} {
  const options = joined(short(1), text("CQL_VERSION"), text("3.4.7"));
  const steps = [
    asks(asked(Opcode.startup, { stream: 0 }, options)),
    answers(answered(Opcode.ready, { stream: 0 })),
  ];
  for (let index = 0; index < count; index++) {
    const stream = index % STREAMS;
    const table = `${PREFIX}${index}`;
    steps.push(asks(query({ stream }, `SELECT item FROM ${table} WHERE id = ?`, "a value")));
    steps.push(answers(rows({ stream }, table, [TEXT])));
  }
  return {
    steps,
    markerOf({ attributes }) {
      const summary = String(attributes["db.query.summary"]);
      const name = summary.split(" ")[1];
      return name?.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : undefined;
    },
  };
}
