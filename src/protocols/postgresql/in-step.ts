/**
 * A client that asks from an event loop and is joined in the middle may always have requests under
 * way (drivers that pipeline for whoever calls them): it is paired when its answers have shown that
 * none is behind (../doubt.ts). What they show is how many Parse and Bind they confirm, and what
 * CommandComplete calls the statement (manual, section "Message Formats"). Invariant: what is asked
 * between two Syncs is one request here, what comes before ReadyForQuery one answer.
 */
import { countAnswer, countRequest, orderedFrom, settlesDoubt, weigh } from "../doubt.ts";
import { Backend, Frontend } from "./messages.ts";
import type { InStep, PostgresqlFrame, Shape } from "./types.ts";

const shapeless = (): Shape => ({ parses: 0, binds: 0, verb: "", failed: false });

export function createInStep(): InStep {
  return { order: orderedFrom(false, true), asking: shapeless(), answering: shapeless() };
}

/** Whether answers must still show that none is behind. */
export function mustShow({ order }: InStep): boolean {
  return order.doubt?.isLoop === true;
}

/** A request message of which ReadyForQuery is not the answer. */
export function noteAsked({ asking }: InStep, frame: PostgresqlFrame): void {
  if (frame.type === Frontend.parse) {
    asking.parses++;
    asking.verb = asking.parses === 1 ? verbOf(frame) : "";
  } else if (frame.type === Frontend.bind) asking.binds++;
}

/** Query, FunctionCall, Sync. */
export function noteUnit(inStep: InStep, frame: PostgresqlFrame): void {
  const { order, asking, answering } = inStep;
  if (frame.type === Frontend.query) asking.verb = verbOf(frame);
  inStep.asking = shapeless();
  const isClean = answering.parses + answering.binds === 0 && answering.verb === "";
  settlesDoubt(frame, order, isClean && !answering.failed);
  order.groupNs = frame.startNs;
  order.groupTid = frame.tid;
  countRequest(order, 1, asking);
}

export function noteAnswer({ answering }: InStep, frame: PostgresqlFrame): void {
  if (frame.type === Backend.parseComplete) answering.parses++;
  else if (frame.type === Backend.bindComplete) answering.binds++;
  else if (frame.type === Backend.error) answering.failed = true;
  else if (frame.type === Backend.commandComplete && answering.verb === "") {
    answering.verb = firstWordOf(frame.text);
  }
}

/** ReadyForQuery; true when nothing has to be shown any more. */
export function noteReady(inStep: InStep, frame: PostgresqlFrame): boolean {
  const { order, answering } = inStep;
  inStep.answering = shapeless();
  const isShown = weigh<Shape>(frame, order, (asked) => mayHave(asked, answering));
  if (isShown) order.doubt = undefined;
  countAnswer(frame, order);
  return order.doubt === undefined;
}

/** Bytes were lost: what was shown does not hold. */
export function forgetShown(inStep: InStep): void {
  const isLoop = mustShow(inStep);
  inStep.asking = shapeless();
  inStep.answering = shapeless();
  inStep.order.doubt = orderedFrom(false, true).doubt;
  if (inStep.order.doubt !== undefined) inStep.order.doubt.isLoop = isLoop;
}

/** Statements whose tag is certain; COMMIT of a failed transaction is answered ROLLBACK. */
const tags: ReadonlyMap<string, readonly string[]> = new Map([
  ...["SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "ROLLBACK", "SET", "SHOW"].map(
    (verb): [string, string[]] => [verb, [verb]],
  ),
  ["COMMIT", ["COMMIT", "ROLLBACK"]],
]);

function mayHave(asked: Shape, answer: Shape): boolean {
  const { parses, binds } = answer;
  if (answer.failed) return parses <= asked.parses && binds <= asked.binds;
  if (parses !== asked.parses || binds !== asked.binds) return false;
  return answer.verb === "" || tags.get(asked.verb)?.includes(answer.verb) !== false;
}

/** "" when it may hold several statements. */
function verbOf({ text, flag }: PostgresqlFrame): string {
  const end = text.indexOf(";");
  if (flag || (end >= 0 && text.slice(end + 1).trim() !== "")) return "";
  return firstWordOf(text.trimStart());
}

function firstWordOf(text: string): string {
  return /^[A-Za-z]{1,16}(?=[\s;]|$)/.exec(text)?.[0].toUpperCase() ?? "";
}
