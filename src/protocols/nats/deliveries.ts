/**
 * Messages that the server delivers, and the subscriptions that they come by. Invariant: only of a
 * subscription that was seen to answer is it said that an answer is due.
 */
import { begin, type Context, detailOf, finish, oldestKey, tell } from "./exchanges.ts";
import { natsLimits } from "./limits.ts";
import { isFlowControl, isTemporary, sourceOf } from "./subjects.ts";
import type { NatsFrame, NatsState, Subscription } from "./types.ts";

/** SUB. */
export function remember(state: NatsState, frame: NatsFrame): void {
  const { subject, text: queue, sid } = frame;
  const { subscriptions, subjects } = state;
  if (subscriptions.size >= natsLimits.subscriptionsMax || subscriptions.has(sid)) return;
  subscriptions.set(sid, newSubscription(subject, queue));
  subjects.set(subject, (subjects.get(subject) ?? 0) + 1);
}

function newSubscription(subject: string, queue: string): Subscription {
  const counts = { unanswered: 0, received: 0, most: Number.POSITIVE_INFINITY };
  return { subject, queue, answers: undefined, ...counts };
}

/** UNSUB, at once or after so many messages since the beginning. */
export function unsubscribed(context: Context, { sid, text, endNs }: NatsFrame): void {
  const known = context.state.subscriptions.get(sid);
  if (known === undefined) return;
  known.most = text === "" ? 0 : Number(text);
  forgetWhenFull(context, sid, known, endNs);
}

/** A message has come by the subscription. */
export function counted(context: Context, { sid, endNs }: NatsFrame): void {
  const known = context.state.subscriptions.get(sid);
  if (known === undefined) return;
  known.received++;
  forgetWhenFull(context, sid, known, endNs);
}

function forgetWhenFull(context: Context, sid: string, known: Subscription, endNs: number): void {
  if (known.received < known.most) return;
  const { state } = context;
  const pull = state.pulls.get(known.subject);
  state.pulls.delete(known.subject);
  if (pull?.exchange !== undefined) finish(context, pull.exchange, endNs, "no_response");
  state.subscriptions.delete(sid);
  const left = (state.subjects.get(known.subject) ?? 1) - 1;
  if (left > 0) state.subjects.set(known.subject, left);
  else state.subjects.delete(known.subject);
}

/** A message of the subscription was answered: its others wait for the same. */
export function waits(state: NatsState, sid: string): void {
  const subscription = subscriptionOf(state, sid);
  if (subscription !== undefined) subscription.answers = true;
}

/** One that was begun before capture is remembered without its subject. */
function subscriptionOf(state: NatsState, sid: string): Subscription | undefined {
  const known = state.subscriptions.get(sid);
  if (known !== undefined || state.subscriptions.size >= natsLimits.subscriptionsMax) return known;
  const added = newSubscription("", "");
  state.subscriptions.set(sid, added);
  return added;
}

/** MSG or HMSG that answers no request. */
export function delivered(context: Context, frame: NatsFrame): void {
  const { state } = context;
  const { headers, subject, reply, sid } = frame;
  // Heartbeats and other words of the server itself.
  if (headers.status !== "") return;
  if (state.missed && reply === "" && isTemporary(subject)) {
    context.emit.orphan();
    return;
  }
  const subscription = subscriptionOf(state, sid);
  const source = sourceOf(reply);
  const detail = detailOf(frame, {
    kind: "delivery",
    operation: "process",
    pattern: patternOf(subscription?.subject ?? "", subject),
    group: source?.consumer ?? subscription?.queue ?? "",
    stream: source?.stream ?? "",
    redelivered: (source?.deliveries ?? 1) > 1,
  });
  const mayAnswer = reply !== "" && !isFlowControl(reply) && subscription?.answers !== false;
  if (!mayAnswer || state.delivered.has(reply)) {
    tell(context, frame, detail, true);
    return;
  }
  const exchange = begin(context, frame, detail, true);
  if (exchange === undefined) return;
  const oldest = oldestKey(state.delivered, natsLimits.waitingMax);
  if (oldest !== undefined) giveUp(context, oldest, "truncated");
  state.delivered.set(reply, { exchange, sid });
  if (subscription === undefined || subscription.answers === true) return;
  subscription.unanswered++;
  if (subscription.unanswered >= natsLimits.unansweredMax) answersNothing(context, sid);
}

/** What was subscribed to, when it has wildcards and the message came by it. */
function patternOf(pattern: string, subject: string): string {
  const hasWildcard = pattern.endsWith(">") || pattern.split(".").includes("*");
  if (!hasWildcard) return "";
  const [first = "", own = ""] = [pattern.split(".")[0], subject.split(".")[0]];
  return first === own || first === "*" || first === ">" ? pattern : "";
}

/** A subscription that only listens: its messages were over when they had come. */
function answersNothing(context: Context, sid: string): void {
  const { state } = context;
  const subscription = state.subscriptions.get(sid);
  if (subscription !== undefined) subscription.answers = false;
  for (const [reply, waiting] of state.delivered) {
    if (waiting.sid === sid) giveUp(context, reply, "one_way");
  }
}

function giveUp(context: Context, reply: string, outcome: "truncated" | "one_way"): void {
  const waiting = context.state.delivered.get(reply);
  if (waiting === undefined) return;
  context.state.delivered.delete(reply);
  finish(context, waiting.exchange, waiting.exchange.detail.messageNs, outcome);
}

/** The connection has ended: what no answer was ever seen for was over long before. */
export function endDeliveries(context: Context): void {
  const { state } = context;
  for (const [reply, { sid }] of state.delivered) {
    if (state.subscriptions.get(sid)?.answers !== true) giveUp(context, reply, "one_way");
  }
}

/** Lost bytes may have held answers. */
export function abandonDeliveries(context: Context): void {
  for (const reply of context.state.delivered.keys()) giveUp(context, reply, "truncated");
}

/** What has been delivered and waits too long. */
export function expireDeliveries(context: Context, beforeNs: number): void {
  const { state } = context;
  for (const [reply, { exchange, sid }] of state.delivered) {
    if (exchange.startNs >= beforeNs) return;
    const answers = state.subscriptions.get(sid)?.answers === true;
    giveUp(context, reply, answers ? "truncated" : "one_way");
  }
}
