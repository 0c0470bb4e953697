/**
 * Pairs commands with answers, which come in their order. A quiet meta command is answered only
 * when there is something to say: it is over when a later command is answered.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { ExchangeSink } from "../contract.ts";
import { countAnswer, countRequest, noticeImpossible, settlesDoubt, weigh } from "../doubt.ts";
import { fits, isError } from "./commands.ts";
import { dropHeld, enqueueHeld, enterDoubt, isClean, noticeDropped } from "./doubt.ts";
import { memcachedLimits } from "./limits.ts";
import type {
  MemcachedDetail,
  MemcachedFrame,
  MemcachedState,
  Pending,
  ReplyFrame,
  RequestFrame,
} from "./types.ts";

type Emit = ExchangeSink<MemcachedDetail>;

export function match(frame: MemcachedFrame, _side: Side, state: MemcachedState, emit: Emit): void {
  noticeDropped(state, frame.endNs, emit);
  if (frame.side === "request") matchRequest(frame, state, emit);
  else matchReply(frame, state, emit);
}

function matchRequest(frame: RequestFrame, state: MemcachedState, emit: Emit): void {
  dropHeld(state, emit);
  const isCertain = settlesDoubt(frame, state, isClean(state));
  if (frame.startNs !== state.groupNs && state.pending.length > 0) state.mayPipeline = true;
  state.groupNs = frame.startNs;
  state.groupTid = frame.tid;
  if (!frame.noreply) countRequest(state, frame.quiet ? Number.NaN : 1, frame);
  const exchange = opened(frame, emit);
  if (frame.noreply) emit.close(exchange, frame.endNs, isCertain ? "one_way" : "truncated");
  else if (!isCertain && frame.quiet) emit.close(exchange, frame.endNs, "truncated");
  else if (!isCertain) state.held = { exchange, frame };
  else state.pending.push({ exchange, frame });
  if (state.pending.length >= memcachedLimits.inFlightMax) {
    enterDoubt(state, "request", frame.endNs, emit);
  }
}

function opened(frame: RequestFrame, emit: Emit): Exchange<MemcachedDetail> {
  const { name, text, truncated, startNs, tid, eventLoop } = frame;
  const rest = { values: undefined, error: undefined };
  const detail: MemcachedDetail = { operation: name, text, truncated, ...rest };
  return emit.open({ startNs, tid, eventLoop, detail });
}

function matchReply(frame: ReplyFrame, state: MemcachedState, emit: Emit): void {
  if (state.doubt !== undefined && !endDoubt(frame, state)) {
    dropHeld(state, emit);
    if (countAnswer(frame, state)) emit.orphan();
    return;
  }
  const found = findEntry(frame, state.pending);
  if (found === "anyOfThem") return;
  if (found === undefined) {
    emit.orphan();
    if (state.pending.length > 0) noticeImpossible(state);
    enterDoubt(state, state.pending.length === 0 ? "request" : "response", frame.endNs, emit);
    return;
  }
  const passed = state.pending.splice(0, found + 1);
  const own = passed.pop();
  for (const { exchange } of passed) emit.close(exchange, frame.endNs, "complete");
  if (own !== undefined) finish(frame, own, state, emit);
  if (state.pending.length > 0) return;
  if (state.mayPipeline) state.pipelines = true;
  state.mayPipeline = false;
}

/** True when the answer shows that it is the held command's. */
function endDoubt(frame: ReplyFrame, state: MemcachedState): boolean {
  const isShown = weigh<RequestFrame>(frame, state, (asked) => mayHave(asked, frame));
  if (!isShown || state.held === undefined) return false;
  enqueueHeld(state);
  return true;
}

function mayHave({ kind, keys, opaque }: RequestFrame, frame: ReplyFrame): boolean {
  if (isError(frame.word)) return true;
  if (!fits(kind, frame.word) || opaque !== frame.opaque) return false;
  if (frame.first !== "" && (kind === "stats") !== (frame.first !== "VALUE")) return false;
  if (kind !== "values" || keys === undefined || frame.values === 0) return true;
  return frame.values <= keys.length && keys.includes(frame.key);
}

function finish(
  frame: ReplyFrame,
  { exchange, frame: asked }: Pending,
  state: MemcachedState,
  emit: Emit,
): void {
  state.isThreaded = frame.tid !== asked.tid;
  const { detail } = exchange;
  if (isError(frame.word)) detail.error = frame.word;
  else if (asked.kind === "values" || asked.name === "mg") detail.values = frame.values;
  emit.close(exchange, frame.endNs, "complete");
}

/** What quiet commands do say (doc/protocol.txt, "q: noreply semantics for return codes"). */
const quietWords: Readonly<Record<string, string>> = {
  mg: "VA HD",
  ms: "NS EX NF",
  md: "EX",
  ma: "VA NS EX",
};

/**
 * Index of the command that the answer belongs to. anyOfThem: one of the quiet ones before mn,
 * which cannot be told apart. undefined: none can have it.
 */
function findEntry(
  frame: ReplyFrame,
  pending: readonly Pending[],
): number | "anyOfThem" | undefined {
  let mayBeQuiet = false;
  for (const [index, { frame: asked }] of pending.entries()) {
    const isSame = asked.opaque === frame.opaque;
    if (asked.quiet) {
      if (frame.opaque !== undefined && isSame) return index;
      const isPossible = quietWords[asked.name]?.split(" ").includes(frame.word) === true;
      if (frame.opaque === undefined && isSame && (isPossible || isError(frame.word))) {
        mayBeQuiet = true;
      }
      continue;
    }
    const isOwn = fits(asked.kind, frame.word) && (isSame || isError(frame.word));
    const isCertain = isOwn && (!mayBeQuiet || asked.kind === "noop");
    if (mayBeQuiet && asked.kind === "noop" && frame.word !== "MN") return "anyOfThem";
    return isCertain ? index : undefined;
  }
  return mayBeQuiet ? "anyOfThem" : undefined;
}
