/** One connection of numbered exchanges of about 1 KB each, for the tests of all protocols. */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import { Type } from "./codes.ts";
import { framed, message, pointer, question, RESPONSE, record, uint16 } from "./test-messages.ts";

/** As many addresses and signatures as a signed answer of about 1 KB has. */
const ANSWERS = 8;
const SIGNATURES = 8;
const SIGNATURE_BYTES = 64;
const SUFFIX = ".numbered.test";

export function conversation(count: number) {
  const steps: Step[] = [];
  for (let index = 0; index < count; index++) {
    const id = index & 0xffff;
    const body = question(`${index}${SUFFIX}`);
    const answers = Array.from({ length: ANSWERS }, (_, last) =>
      record(pointer(12), Type.a, [10, (index >> 8) & 0xff, index & 0xff, last]),
    );
    const head = [...uint16(Type.a), 13, 3, ...new Array<number>(14).fill(1), ...pointer(12)];
    const signatures = Array.from({ length: SIGNATURES }, () =>
      record(pointer(12), Type.rrsig, [...head, ...new Array<number>(SIGNATURE_BYTES).fill(7)]),
    );
    const answer = message({
      id,
      flags: RESPONSE,
      counts: [1, ANSWERS + SIGNATURES, 0, 0],
      body: [...body, ...answers.flat(), ...signatures.flat()],
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
