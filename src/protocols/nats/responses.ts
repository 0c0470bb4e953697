/** What the server sends: messages, answers, +OK, -ERR. */
import { counted, delivered } from "./deliveries.ts";
import { begin, type Context, detailOf, finish } from "./exchanges.ts";
import type { NatsExchange, NatsFrame, Pull } from "./types.ts";

export function matchResponse(context: Context, frame: NatsFrame): void {
  switch (frame.operation) {
    case "MSG":
    case "HMSG":
      connected(context, frame);
      message(context, frame);
      counted(context, frame);
      break;
    case "+OK":
      acknowledged(context, frame);
      break;
    case "-ERR":
      failed(context, frame);
      break;
    case "PONG":
      connected(context, frame);
      synchronised(context);
      break;
    default:
      break;
  }
}

/** CONNECT has no answer of its own outside verbose mode: the PONG of the PING behind it tells. */
function connected(context: Context, frame: NatsFrame): void {
  const { connect } = context.state;
  if (connect === undefined) return;
  context.state.connect = undefined;
  finish(context, connect, frame.endNs, "complete");
}

/** The server answers in order: everything before the PING was answered. */
function synchronised({ state }: Context): void {
  if (state.pings > 0) state.pings--;
  if (state.dueUnsure && state.pings === 0) {
    state.dueUnsure = false;
    state.due.length = 0;
  }
}

function message(context: Context, frame: NatsFrame): void {
  const { state } = context;
  const { subject, sid } = frame;
  const request = state.requests.get(subject);
  if (request !== undefined) {
    state.requests.delete(subject);
    answered(context, frame, request);
    return;
  }
  const inbox = state.pulls.has(subject) ? subject : (state.subscriptions.get(sid)?.subject ?? "");
  const pull = state.pulls.get(inbox);
  if (pull !== undefined) pulled(context, frame, pull);
  delivered(context, frame);
}

const NO_RESPONDERS = "503";
/** JetStream's answers begin with the type, or with the stream of a published message. */
const STREAM = /^\s*\{\s*"stream"\s*:/;
const API_ERROR = /"error"\s*:\s*\{\s*"code"\s*:\s*(\d{3})/;
const API_ANSWER = /^\s*\{\s*"(?:type|error)"\s*:/;

function answered(context: Context, frame: NatsFrame, exchange: NatsExchange): void {
  const { detail } = exchange;
  const { headers, head } = frame;
  if (headers.status !== "") {
    detail.code = headers.status;
    detail.text = headers.status === NO_RESPONDERS ? "no responders" : headers.description;
  } else if (headers.errorCode !== "") detail.code = headers.errorCode;
  else if (detail.subject.startsWith("$JS.") && API_ANSWER.test(head)) {
    detail.code = API_ERROR.exec(head)?.[1] ?? "";
  } else if (detail.kind === "request" && STREAM.test(head)) stored(detail);
  finish(context, exchange, frame.endNs, "complete");
}

/** The answer of JetStream, not of a service: the request was a message for a stream. */
function stored(detail: NatsExchange["detail"]): void {
  detail.kind = "publish";
  detail.operation = "publish";
  detail.settlement = "ack";
}

/** Statuses that are no failures: no messages, and the pull's time is over. */
const EMPTY = new Set(["404", "408"]);
const HEARTBEAT = "100";

/** The first message or status ends a pull. */
function pulled(context: Context, frame: NatsFrame, pull: Pull): void {
  const { status, description } = frame.headers;
  const { exchange, unsure } = pull;
  if (exchange === undefined || status === HEARTBEAT) return;
  pull.exchange = undefined;
  pull.unsure = false;
  const { detail } = exchange;
  if (EMPTY.has(status)) detail.empty = true;
  else if (status !== "") {
    detail.code = status;
    detail.text = description;
  }
  finish(context, exchange, frame.endNs, unsure ? "truncated" : "complete");
}

/** +OK: answers the oldest operation in verbose mode. */
function acknowledged(context: Context, frame: NatsFrame): void {
  const { state } = context;
  connected(context, frame);
  if (state.dueUnsure) return;
  if (state.due.length === 0) {
    // Capture began behind CONNECT.
    state.verbose = true;
    state.dueUnsure = true;
    return;
  }
  const exchange = state.due.shift();
  if (exchange !== undefined) finish(context, exchange, frame.endNs, "complete");
}

/** -ERR: of CONNECT, or of something that is not named; the server may close the connection. */
function failed(context: Context, frame: NatsFrame): void {
  const { state } = context;
  const { connect } = state;
  const code = errorOf(frame.text);
  const detail = detailOf(frame, { kind: "notice", operation: "error" });
  const told = connect?.detail ?? detail;
  told.code = code;
  told.text = frame.text.replace(/^'|'$/g, "");
  if (connect !== undefined) {
    connected(context, frame);
    return;
  }
  const exchange = begin(context, frame, detail, true);
  if (exchange !== undefined) finish(context, exchange, frame.endNs, "one_way");
  // Whether +OK follows for what has failed depends on what it was.
  doubtDue(context, frame.endNs);
}

/** Which +OK is whose is not known until a PING was answered. */
export function doubtDue(context: Context, endNs: number): void {
  const { state } = context;
  for (const exchange of state.due.splice(0)) {
    if (exchange !== undefined) finish(context, exchange, endNs, "truncated");
  }
  state.dueUnsure = state.verbose;
}

/** 'Permissions Violation for Publish to "x"' → permissions_violation. */
function errorOf(text: string): string {
  const plain = text.replace(/^'|'$/g, "").replace(/\s+for\s.*$/i, "");
  const words = plain.toLowerCase().match(/[a-z]+/g) ?? [];
  return words.slice(0, 4).join("_") || "error";
}
