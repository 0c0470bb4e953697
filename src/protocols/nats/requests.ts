/** What the client sends: messages, requests, answers, acknowledgements, subscriptions. */
import { remember, unsubscribed, waits } from "./deliveries.ts";
import { begin, type Context, detailOf, finish, oldestKey, tell } from "./exchanges.ts";
import { natsLimits } from "./limits.ts";
import {
  isAcknowledgement,
  isFlowControl,
  isPull,
  isTemporary,
  pulledFrom,
  sourceOf,
} from "./subjects.ts";
import type { NatsExchange, NatsFrame, NatsState } from "./types.ts";

export function matchRequest(context: Context, frame: NatsFrame): void {
  const { state } = context;
  switch (frame.operation) {
    case "CONNECT":
      connect(context, frame);
      break;
    case "PUB":
    case "HPUB":
      published(context, frame);
      break;
    case "SUB":
      remember(state, frame);
      due(context, undefined);
      break;
    case "UNSUB":
      unsubscribed(context, frame);
      due(context, undefined);
      break;
    case "PING":
      state.pings++;
      break;
    default:
      break;
  }
}

function connect(context: Context, frame: NatsFrame): void {
  const { state } = context;
  state.verbose = frame.verbose;
  state.connect = begin(context, frame, detailOf(frame, { kind: "connect", operation: "connect" }));
  due(context, undefined);
}

/** In verbose mode the server answers each of these with +OK, in order. */
function due({ state }: Context, exchange: NatsExchange | undefined): boolean {
  if (!state.verbose || state.dueUnsure) return false;
  if (state.due.length >= natsLimits.verboseMax) {
    state.dueUnsure = true;
    return false;
  }
  state.due.push(exchange);
  return true;
}

function published(context: Context, frame: NatsFrame): void {
  const { subject, reply } = frame;
  const answered = answer(context, frame);
  if (reply !== "" && isAwaited(context.state, reply)) {
    if (isPull(subject)) pull(context, frame);
    else request(context, frame);
    due(context, undefined);
    return;
  }
  if (answered || isFlowControl(subject)) {
    due(context, undefined);
    return;
  }
  const detail = detailOf(frame, { kind: "publish", operation: "publish" });
  const { verbose, dueUnsure } = context.state;
  if (!verbose) {
    tell(context, frame, detail);
    return;
  }
  const exchange = begin(context, frame, detail);
  const waitsForOk = due(context, exchange);
  if (exchange === undefined || (waitsForOk && !dueUnsure)) return;
  finish(context, exchange, frame.endNs, "truncated");
}

/** The message is an answer to one that was delivered: that is over now. */
function answer(context: Context, frame: NatsFrame): boolean {
  const { state } = context;
  const { subject, head, headers } = frame;
  const isAck = isAcknowledgement(subject);
  if (isAck && head.startsWith(IN_PROGRESS)) return true;
  const delivered = state.delivered.get(subject);
  if (delivered === undefined) {
    // Nothing waits for it any more: it was given up, or came before capture.
    return isAck;
  }
  const { exchange, sid } = delivered;
  state.delivered.delete(subject);
  waits(state, sid);
  if (isAck) exchange.detail.settlement = settlementOf(head);
  else if (headers.errorCode !== "") exchange.detail.code = headers.errorCode;
  finish(context, exchange, frame.endNs, "complete");
  return true;
}

/** Payloads of acknowledgements (JetStream, "Acknowledgements"). */
const IN_PROGRESS = "+WPI";

function settlementOf(head: string): string {
  if (head.startsWith("-NAK")) return "nak";
  return head.startsWith("+TERM") ? "term" : "ack";
}

/** Whether an answer with this subject comes to this connection. */
function isAwaited({ subjects, midstream }: NatsState, reply: string): boolean {
  if (subjects.has(reply)) return true;
  const dot = reply.lastIndexOf(".");
  if (dot > 0 && subjects.has(`${reply.slice(0, dot)}.*`)) return true;
  if (dot > 0 && subjects.has(`${reply.slice(0, dot)}.>`)) return true;
  if (matchesPrefix(subjects, reply)) return true;
  // What was subscribed to before capture is not known; inboxes are the client's own.
  return midstream && isTemporary(reply);
}

const TOKENS_MAX = 8;

/** A subscription to everything below a prefix of the subject. */
function matchesPrefix(subjects: ReadonlyMap<string, number>, reply: string): boolean {
  let dot = reply.indexOf(".");
  for (let tokens = 0; dot > 0 && tokens < TOKENS_MAX; tokens++) {
    if (subjects.has(`${reply.slice(0, dot)}.>`)) return true;
    dot = reply.indexOf(".", dot + 1);
  }
  return false;
}

function request(context: Context, frame: NatsFrame): void {
  const { requests } = context.state;
  const { subject, reply } = frame;
  const isAck = isAcknowledgement(subject);
  const source = sourceOf(subject);
  const exchange = begin(
    context,
    frame,
    detailOf(frame, {
      kind: isAck ? "settle" : "request",
      operation: isAck ? "ack" : "request",
      group: source?.consumer ?? "",
      stream: source?.stream ?? "",
    }),
  );
  if (exchange === undefined) return;
  const earlier = oldestKey(requests, natsLimits.waitingMax) ?? reply;
  const older = requests.get(earlier);
  requests.delete(earlier);
  if (older !== undefined) finish(context, older, frame.endNs, "truncated");
  // A reply subject that is used twice at a time says nothing about whose the answer is.
  if (older !== undefined && earlier === reply) finish(context, exchange, frame.endNs, "truncated");
  else requests.set(reply, exchange);
}

/** $JS.API.CONSUMER.MSG.NEXT: the messages come on the inbox with subjects of their own. */
function pull(context: Context, frame: NatsFrame): void {
  const { pulls } = context.state;
  const { stream, consumer } = pulledFrom(frame.subject);
  const named = { kind: "pull", operation: "receive", stream, group: consumer } as const;
  const exchange = begin(context, frame, detailOf(frame, named));
  if (exchange === undefined) return;
  const known = pulls.get(frame.reply);
  if (known === undefined) {
    const oldest = oldestKey(pulls, natsLimits.pullsMax);
    const dropped = oldest === undefined ? undefined : pulls.get(oldest)?.exchange;
    if (oldest !== undefined) pulls.delete(oldest);
    if (dropped !== undefined) finish(context, dropped, frame.endNs, "truncated");
    pulls.set(frame.reply, { exchange, overlaps: false, unsure: false });
    return;
  }
  if (known.exchange !== undefined) {
    finish(context, known.exchange, frame.endNs, "truncated");
    known.exchange = undefined;
    known.overlaps = true;
  }
  if (known.overlaps) finish(context, exchange, frame.endNs, "truncated");
  else known.exchange = exchange;
}
