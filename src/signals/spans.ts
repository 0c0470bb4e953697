/** Exchange → span. Invariant: a span's end is never before its start. */
import type { Exchange } from "../model/exchange.ts";
import type { HookedProcess } from "../model/process.ts";
import type { Span, SpanDraft } from "../model/span.ts";

/** The span of a closed exchange that correlation has given a context; undefined without one. */
export function spanOf(
  exchange: Exchange,
  draft: SpanDraft,
  process: HookedProcess,
): Span | undefined {
  const context = exchange.context;
  if (context === undefined) return undefined;
  return {
    name: draft.name,
    kind: draft.kind,
    attributes: draft.attributes,
    status: draft.status,
    statusMessage: draft.statusMessage,
    context,
    process,
    startNs: exchange.startNs,
    endNs: Math.max(exchange.startNs, exchange.endNs),
  };
}
