/** A long conversation whose exchanges are told apart by the names of their collections. */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import { answers, asks, Double, opMsg } from "./test-messages.ts";

const PREFIX = "orders_";
/** With the request, about a kilobyte. */
const TEXT = "lorem ipsum ".repeat(60);
/** Ids are no places: a driver takes random ones. */
const FIRST_ID = 0x5eed;

/** One connection: a hello, then `count` finds of one document each. */
export function conversation(count: number): {
  readonly steps: Step[];
  markerOf(exchange: {
    readonly name: string;
    readonly attributes: Record<string, AttributeValue>;
  }): number | undefined;
} {
  const hello = { hello: 1, helloOk: true, $db: "admin" };
  const steps = [
    asks(opMsg({ id: 1 }, hello)),
    answers(opMsg({ id: 1, to: 1 }, { helloOk: true, maxWireVersion: 21, ok: new Double(1) })),
  ];
  for (let index = 0; index < count; index++) {
    const id = FIRST_ID + index * 3;
    const find = `${PREFIX}${index}`;
    const lsid = { id: "0123456789abcdef" };
    const filter = { _id: index, text: "a value" };
    steps.push(asks(opMsg({ id }, { find, filter, limit: 1, lsid, $db: "shop" })));
    const firstBatch = [{ _id: index, text: TEXT }];
    const cursor = { firstBatch, id: 0n, ns: `shop.${find}` };
    steps.push(answers(opMsg({ id: index + 2, to: id }, { cursor, ok: new Double(1) })));
  }
  return {
    steps,
    markerOf({ attributes }) {
      const name = attributes["db.collection.name"];
      if (typeof name !== "string" || !name.startsWith(PREFIX)) return undefined;
      return Number(name.slice(PREFIX.length));
    },
  };
}
