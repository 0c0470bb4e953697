/**
 * About how much memory queued items hold, so that queues are bounded in bytes and not only in
 * number. Invariant: a cost grows with every text of the item; what items share is left out.
 */
import type { Attribute } from "../model/attributes.ts";
import type { LogRecord } from "../model/log-record.ts";
import type { Span } from "../model/span.ts";

/** Objects and numbers of one item. */
const ITEM_BYTES = 512;
const ATTRIBUTE_BYTES = 64;

export function spanCost(span: Span): number {
  return ITEM_BYTES + span.name.length + attributesCost(span.attributes);
}

export function logCost(record: LogRecord): number {
  return ITEM_BYTES + record.body.length + attributesCost(record.attributes);
}

function attributesCost(attributes: readonly Attribute[]): number {
  let cost = attributes.length * ATTRIBUTE_BYTES;
  for (const attribute of attributes) {
    const value = attribute[1];
    if (typeof value === "string") cost += value.length;
    else if (typeof value === "object") for (const text of value) cost += text.length;
  }
  return cost;
}
