/**
 * Recognises PostgreSQL by a connection's first bytes, or by whole messages when capture joins in
 * the middle. Invariant: rather no or more than a wrong side.
 */
import { uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import { judge } from "./judge.ts";
import { startupKind, startupParameters } from "./startup.ts";
import type { PostgresqlState } from "./types.ts";

export function detect(view: StreamView): Detection {
  if (view.bytes[view.start] === 0) return detectStartup(view);
  const request = judge(view, view.start, "request").verdict;
  const response = judge(view, view.start, "response").verdict;
  if (request === "yes" && response === "yes") return "more";
  if (request === "yes") return "request";
  if (response === "yes") return "response";
  return request === "more" || response === "more" ? "more" : "no";
}

/** Other protocols begin with a length and zeros too: a session packet must be whole and sound. */
function detectStartup(view: StreamView): Detection {
  const kind = startupKind(view);
  if (kind === "more") return "more";
  if (kind === "encryption" || kind === "cancel") return "request";
  if (kind !== "session") return "no";
  if (view.end - view.start < uint32BE(view.bytes, view.start)) return "more";
  return startupParameters(view) === undefined ? "no" : "request";
}

/**
 * First index at which messages can begin. At the head of the view less is asked: what is captured
 * after a loss begins with a call of the program, and most calls begin with a message.
 */
export function resync(view: StreamView, side: Side, state: PostgresqlState): number {
  // A forked server's child is joined in the middle, and yet its client's first packet is seen: the
  // one byte that answers it begins the direction.
  if (side === "response" && state.encryptionAnswers > 0 && isEncryptionAnswer(view)) {
    return view.start;
  }
  const found = firstMessage(view, side);
  // The answer to a request that was seen meanwhile may have begun in what is passed over.
  if (found !== view.start && side === "response") {
    state.answerDropped = true;
    state.outstanding = 0;
  }
  return found;
}

function isEncryptionAnswer(view: StreamView): boolean {
  const answer = String.fromCharCode(view.bytes[view.start] ?? 0);
  return view.end - view.start === 1 && "NSG".includes(answer);
}

function firstMessage(view: StreamView, side: Side): number {
  for (let index = view.start; index < view.end; index++) {
    const { verdict, points } = judge(view, index, side);
    if (verdict === "yes") return index;
    if (index === view.start && verdict === "more" && points > 0) return index;
  }
  return -1;
}
