/** A long conversation whose exchanges are told apart by their page sizes. */
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

const SELECT = "SELECT item FROM orders WHERE id = ?";
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
    steps.push(asks(query({ stream }, SELECT, "a value", index + 1)));
    steps.push(answers(rows({ stream }, "orders", [TEXT])));
  }
  return {
    steps,
    markerOf({ attributes }) {
      const pageSize = attributes["cassandra.page.size"];
      return typeof pageSize === "number" ? pageSize - 1 : undefined;
    },
  };
}
