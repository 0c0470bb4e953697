/** One connection of a producer: ApiVersions, then messages to a topic of their own each. */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import {
  answer,
  batch,
  compact,
  int16,
  int32,
  NO_TAGS,
  produce,
  produced,
  request,
} from "./test-messages.ts";

const RECORD_BYTES = 850;
const TOPIC = "stock-";

export function conversation(count: number): { steps: Step[]; markerOf: typeof markerOf } {
  const versions = { key: 18, version: 3, correlation: 0, flexible: true };
  const asked = request(versions, compact("test"), compact("1"), NO_TAGS);
  const told = answer(0, int16(0), [1], int32(0), NO_TAGS);
  const steps: Step[] = [
    { side: "request", bytes: asked },
    { side: "response", bytes: told },
  ];
  for (let index = 0; index < count; index++) {
    const topic = `${TOPIC}${index}`;
    const records = batch({ count: 3, bytes: RECORD_BYTES });
    steps.push({ side: "request", bytes: produce(index + 1, topic, records) });
    steps.push({ side: "response", bytes: produced(index + 1, topic, index) });
  }
  return { steps, markerOf };
}

function markerOf(exchange: {
  readonly name: string;
  readonly attributes: Record<string, AttributeValue>;
}): number | undefined {
  const topic = exchange.attributes["messaging.destination.name"];
  return typeof topic === "string" ? Number(topic.slice(TOPIC.length)) : undefined;
}
