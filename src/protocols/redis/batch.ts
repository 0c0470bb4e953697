/**
 * Several commands told as one span: a transaction (MULTI to EXEC or DISCARD), or a pipeline (the
 * commands of one write). Invariant: every member has an exchange of its own, which holds its index
 * and belongs to the first one's span.
 */
import { redisLimits } from "./limits.ts";
import type { Batch, Pending, RedisState, RequestFrame } from "./types.ts";

const SEPARATOR = "; ";

function newBatch(kind: Batch["kind"], leader: Pending): Batch {
  const batch: Batch = {
    kind,
    leader,
    size: 0,
    name: undefined,
    text: "",
    repeats: 0,
    truncated: false,
    unanswered: leader.left,
    ended: false,
    refused: false,
    selects: undefined,
  };
  leader.batch = batch;
  leader.detail.batch = batch;
  return batch;
}

/** The transaction that MULTI begins. */
export function transactionOf(multi: Pending): Batch {
  return newBatch("MULTI", multi);
}

/** The pipeline of which the command is the first. */
export function batchOf(leader: Pending): Batch {
  if (leader.batch !== undefined) return leader.batch;
  const batch = newBatch("PIPELINE", leader);
  const { operation, text, truncated } = leader.detail;
  addMember(batch, operation, { text, truncated });
  return batch;
}

export function addToBatch(batch: Batch, entry: Pending, frame: RequestFrame): void {
  batch.unanswered++;
  const { kind } = entry.command;
  if (batch.kind === "MULTI" && (kind === "exec" || kind === "discard")) return;
  addMember(batch, frame.name, frame);
}

interface MemberText {
  readonly text: string;
  readonly truncated: boolean;
}

function addMember(batch: Batch, name: string, { text, truncated }: MemberText): void {
  batch.name = batch.size === 0 || batch.name === name ? name : undefined;
  batch.size++;
  if (truncated) batch.truncated = true;
  if (batch.size === 1) {
    batch.text = text;
    batch.repeats = 1;
  } else if (batch.repeats > 0 && text === batch.text) batch.repeats++;
  else addText(batch, text);
}

function addText(batch: Batch, text: string): void {
  if (batch.repeats > 1) {
    const first = batch.text;
    const most = Math.ceil(redisLimits.batchCharsMax / (first.length + SEPARATOR.length));
    batch.text = new Array(Math.min(batch.repeats, most)).fill(first).join(SEPARATOR);
    batch.truncated ||= batch.repeats > most;
  }
  batch.repeats = 0;
  if (batch.text.length + text.length > redisLimits.batchCharsMax) batch.truncated = true;
  if (!batch.truncated) batch.text += SEPARATOR + text;
}

/** Nothing more belongs to the transaction under way. */
export function endTransaction(state: RedisState): void {
  if (state.transaction !== undefined) state.transaction.ended = true;
  state.transaction = undefined;
}
