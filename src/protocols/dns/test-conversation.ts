/** One connection of numbered exchanges of about 1 KB each, for the tests of all protocols. */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import { Type } from "./codes.ts";
import { framed, message, pointer, question, RESPONSE, record } from "./test-messages.ts";

const ANSWERS = 58;
const SUFFIX = ".numbered.test";

export function conversation(count: number) {
  const steps: Step[] = [];
  for (let index = 0; index < count; index++) {
    const id = index & 0xffff;
    const body = question(`${index}${SUFFIX}`);
    const answers = Array.from({ length: ANSWERS }, (_, last) =>
      record(pointer(12), Type.a, [10, (index >> 8) & 0xff, index & 0xff, last]),
    );
    const answer = message({
      id,
      flags: RESPONSE,
      counts: [1, ANSWERS, 0, 0],
      body: [...body, ...answers.flat()],
    });
    steps.push({ side: "request", bytes: framed(message({ id, body })) });
    steps.push({ side: "response", bytes: framed(answer) });
  }
  return { steps, markerOf };
}

function markerOf({
  attributes,
}: {
  readonly name: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}): number | undefined {
  const name = attributes["dns.question.name"];
  return typeof name === "string" && name.endsWith(SUFFIX) ? Number.parseInt(name, 10) : undefined;
}
