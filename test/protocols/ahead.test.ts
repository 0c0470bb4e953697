/**
 * Joined in the middle, a client that never has nothing under way: from an event loop it sends its
 * next request before it has read the answer to the one before, as long as the connection lives.
 * Invariant, for every protocol whose clients may do so: what is told as complete happened so.
 */
import { describe, expect, test } from "bun:test";
import { type Conversation, subjects } from "../harness/conversations.ts";
import { run } from "../harness/lossy.ts";
import type { Step } from "../harness/stream-cases.ts";

const EXCHANGES = 1_000;

/** Steps of each exchange, by its number. */
interface Turn {
  readonly request: Step;
  readonly answer: Step;
}

function turnsOf(steps: readonly Step[], opening: number): readonly Turn[] {
  return Array.from({ length: (steps.length - opening) / 2 }, (_, index) => {
    const [request, answer] = steps.slice(opening + 2 * index, opening + 2 * index + 2);
    if (request?.side !== "request" || answer?.side !== "response") throw new Error("no turns");
    return { request, answer };
  });
}

/** The same exchanges by a client that always has `ahead` more of them under way. */
function sentAhead(conversation: (count: number) => Conversation, ahead: number) {
  const opening = conversation(0).steps;
  const { steps, markerOf } = conversation(EXCHANGES);
  const turns = turnsOf(steps, opening.length);
  const mixed = [...opening];
  const spans = new Map<number, string>();
  for (let index = 0; index < turns.length + ahead; index++) {
    const asked = turns[index];
    const answered = turns[index - ahead];
    if (asked !== undefined) mixed.push(asked.request);
    if (answered !== undefined) {
      spans.set(index - ahead, `${spans.get(index - ahead) ?? ""} ${mixed.length}`);
      mixed.push(answered.answer);
    }
    if (asked !== undefined) spans.set(index, `${mixed.lastIndexOf(asked.request)}`);
  }
  return { conversation: { steps: mixed, markerOf }, spans, opening: opening.length };
}

/** Whose clients do not do so, and why. */
const exempt: ReadonlyMap<string, string> = new Map([
  ["mysql", "a command is sent when the one before is answered"],
  ["fastcgi", "a request's id is free again when the request is answered"],
  ["http", "clients do not send ahead unless told to; who was seen to is not paired"],
]);

for (const { protocol, conversation } of await subjects()) {
  if (exempt.has(protocol.id)) continue;
  describe(protocol.id, () => {
    test.each([0, 1])("joined %p messages behind the opening", (behind) => {
      const { conversation: spoken, spans, opening } = sentAhead(conversation, 1);
      const from = opening + 1 + behind;
      const { passages, bugs } = run(spoken, () => "keep", {
        from,
        roleKnown: true,
        eventLoop: true,
      });
      expect(bugs).toEqual([]);
      const complete = passages.filter((it) => it.complete && it.marker !== undefined);
      const wrong = complete.filter(
        ({ marker, start, end }) => spans.get(marker ?? -1) !== `${start} ${end}`,
      );
      expect(wrong.slice(0, 3)).toEqual([]);
    });
  });
}
