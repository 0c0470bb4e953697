/**
 * Spans and log records of one trace → rows in the order in which they are printed.
 * Invariant: every item appears exactly once, whatever its ids claim (unknown parents, ids that are
 * used twice, parents in a circle).
 */
import { hexOf } from "../../lib/bytes.ts";
import type { LogRecord } from "../../model/log-record.ts";
import type { Span } from "../../model/span.ts";

/** prefix: the branches of the tree left of the row, three columns for each level. */
export type Row =
  | { readonly kind: "span"; readonly prefix: string; readonly span: Span }
  | {
      readonly kind: "message";
      readonly prefix: string;
      readonly span: Span;
      readonly text: string;
    }
  | {
      readonly kind: "log";
      readonly prefix: string;
      readonly record: LogRecord;
      /** The span above it, if that is known: the row need not repeat its service. */
      readonly parent: Span | undefined;
    };

interface SpanNode {
  readonly span: Span;
  readonly children: Node[];
}

type Node =
  | { readonly timeNs: number; readonly node: SpanNode }
  | { readonly timeNs: number; readonly record: LogRecord };

/** Deeper levels are printed as if they were at this one. */
const LEVELS_MAX = 24;

export function rowsOf(spans: readonly Span[], logs: readonly LogRecord[]): Row[] {
  const nodes = spans.map((span): SpanNode => ({ span, children: [] }));
  const byId = new Map<string, SpanNode>();
  for (const node of nodes) {
    const id = hexOf(node.span.context.spanId);
    if (!byId.has(id)) byId.set(id, node);
  }
  const roots: Node[] = [];
  for (const node of nodes) {
    const parent = parentOf(node, byId);
    (parent?.children ?? roots).push({ timeNs: node.span.startNs, node });
  }
  for (const record of logs) {
    const id = record.context === undefined ? "" : hexOf(record.context.spanId);
    (byId.get(id)?.children ?? roots).push({ timeNs: record.observedNs, record });
  }
  return printed(roots, nodes);
}

/** The node of the parent span; undefined for roots, unknown parents and a span's own id. */
function parentOf(node: SpanNode, byId: Map<string, SpanNode>): SpanNode | undefined {
  const { parentSpanId } = node.span.context;
  const parent = parentSpanId === undefined ? undefined : byId.get(hexOf(parentSpanId));
  return parent === node ? undefined : parent;
}

/** Rows of the roots, then of spans that no root leads to because their parents form a circle. */
function printed(roots: Node[], nodes: readonly SpanNode[]): Row[] {
  const rows: Row[] = [];
  const seen = new Set<SpanNode>();
  walk(rows, seen, roots);
  for (const node of nodes) {
    if (!seen.has(node)) walk(rows, seen, [{ timeNs: node.span.startNs, node }]);
  }
  return rows;
}

function walk(rows: Row[], seen: Set<SpanNode>, roots: Node[]): void {
  for (const root of roots.sort(byTime)) {
    if ("record" in root)
      rows.push({ kind: "log", prefix: "", record: root.record, parent: undefined });
    else if (!seen.has(root.node)) addSpan({ rows, seen }, root.node, ["", ""], 0);
  }
}

interface Walk {
  readonly rows: Row[];
  readonly seen: Set<SpanNode>;
}

type Prefixes = readonly [own: string, below: string];

function addSpan(walked: Walk, node: SpanNode, [own, below]: Prefixes, level: number): void {
  const { rows, seen } = walked;
  const { span } = node;
  seen.add(node);
  rows.push({ kind: "span", prefix: own, span });
  const children = node.children
    .filter((child) => "record" in child || !seen.has(child.node))
    .sort(byTime);
  let spansLeft = children.filter((child) => "node" in child).length;
  const deep = level >= LEVELS_MAX;
  for (const child of children) {
    if ("record" in child) {
      const prefix = below + (spansLeft > 0 ? "│  " : "   ");
      rows.push({ kind: "log", prefix, record: child.record, parent: span });
      continue;
    }
    spansLeft -= 1;
    const last = spansLeft === 0;
    const ownPrefix = below + (last ? "└─ " : "├─ ");
    const belowPrefix = deep ? below : below + (last ? "   " : "│  ");
    if (!seen.has(child.node)) addSpan(walked, child.node, [ownPrefix, belowPrefix], level + 1);
  }
  if (span.statusMessage !== undefined && span.statusMessage !== "") {
    rows.push({ kind: "message", prefix: `${below}   `, span, text: span.statusMessage });
  }
}

function byTime(left: Node, right: Node): number {
  return left.timeNs - right.timeNs;
}
