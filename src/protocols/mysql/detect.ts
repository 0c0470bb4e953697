/**
 * Recognises MySQL by the server's greeting, by a client's answer to it (under TLS), or by whole
 * packets when capture joins in the middle. Invariant: rather no or more than a wrong side.
 */
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import { firstInner } from "./compression.ts";
import { mayBeClientHello, payloadAt, readClientHello, readGreeting } from "./handshake.ts";
import { judgeAnswer, judgeCommand, type Verdict } from "./judge.ts";
import { isGreeting } from "./opening.ts";
import { HEADER_BYTES, uint24LE } from "./packets.ts";
import type { MysqlState } from "./types.ts";

/** Commands in a row that are looked at: behind weak ones a telling one may come. */
const COMMANDS_MAX = 4;

export function detect(view: StreamView): Detection {
  const verdicts: Detection[] = [
    detectGreeting(view),
    detectHello(view),
    asDetection(judgeCommands(view, view.start), "request"),
    asDetection(judgeAnswer(view.bytes, view.start, view.end), "response"),
  ];
  const sure = verdicts.filter((verdict) => verdict === "request" || verdict === "response");
  if (sure.length === 1) return sure[0] ?? "no";
  return verdicts.includes("more") && sure.length === 0 ? "more" : "no";
}

function asDetection(verdict: Verdict, side: Side): Detection {
  if (verdict === "yes") return side;
  return verdict === "no" ? "no" : "more";
}

function detectGreeting({ bytes, start, end }: StreamView): Detection {
  if (end - start <= HEADER_BYTES) return "no";
  if (bytes[start + 3] !== 0) return "no";
  const greeting = readGreeting(payloadAt(bytes, start), end);
  if (greeting === "more") return "more";
  return greeting === undefined ? "no" : "response";
}

/** Under TLS the client speaks first, with the number behind that of its SSLRequest. */
function detectHello({ bytes, start, end }: StreamView): Detection {
  if (end - start < HEADER_BYTES) {
    return end - start < 3 || bytes[start + 2] === 0 ? "more" : "no";
  }
  const sequence = bytes[start + 3] ?? 0;
  if (sequence !== 1 && sequence !== 2) return "no";
  const payload = payloadAt(bytes, start);
  if (!mayBeClientHello(payload, end)) return "no";
  if (payload.end > end) return "more";
  return readClientHello(payload) === undefined ? "no" : "request";
}

/** Commands without a text say little; those behind them are asked too. */
function judgeCommands(view: StreamView, index: number): Verdict {
  const { bytes, end } = view;
  const inner = firstInner(view, index);
  if (inner !== undefined) return judgeCommand(inner, 0, inner.length);
  let at = index;
  let verdict: Verdict = "more";
  for (let count = 0; count < COMMANDS_MAX && at < end; count++) {
    verdict = judgeCommand(bytes, at, end);
    if (verdict !== "weak") break;
    at += HEADER_BYTES + uint24LE(bytes, at);
  }
  return verdict;
}

/**
 * First index at which packets can begin. Answers are only read again when the command that they
 * answer was seen after the loss; what a client sends with one call begins and ends with packets.
 */
export function resync(view: StreamView, side: Side, state: MysqlState): number {
  if (side === "response") {
    const awaited = state.stage === "opening" || (!state.doubt && state.pending.length > 0);
    return awaited || isGreeting(view) ? view.start : -1;
  }
  if (state.stage === "opening") return view.start;
  const { bytes, start, end } = view;
  for (let index = start; index < end; index++) {
    // A length, then a sequence number of 0: anything else need not be judged.
    if (index + HEADER_BYTES < end && bytes[index + 3] !== 0) continue;
    if (mayResume(view, index)) return index;
  }
  return -1;
}

function mayResume(view: StreamView, index: number): boolean {
  const { bytes, start, end } = view;
  const verdict = judgeCommands(view, index);
  if (index === start) return verdict === "yes" || (verdict === "weak" && endsHere(view, index));
  return (
    verdict === "yes" &&
    bytes[index + 3] === 0 &&
    end - index > HEADER_BYTES &&
    endsHere(view, index)
  );
}

/** The packet at index is the last of what is in the view, plain or compressed. */
function endsHere({ bytes, end }: StreamView, index: number): boolean {
  const size = uint24LE(bytes, index);
  return index + HEADER_BYTES + size === end || index + HEADER_BYTES + 3 + size === end;
}
