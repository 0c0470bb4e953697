/**
 * Which configured template fits a path. The most specific wins, segment by segment: a text goes
 * before a text around a placeholder, that before a placeholder alone, and all before *. Invariant:
 * no template is looked at twice for one path, however much they have in common.
 */
import type { RouteSegment, RouteTemplate } from "../model/route.ts";
import { type PathSegments, plainSegment } from "./path-segments.ts";

interface Node {
  readonly texts: Map<string, Node>;
  /** With a placeholder, the longest texts around it first. */
  readonly patterns: { readonly segment: RouteSegment; readonly node: Node }[];
  template: string | undefined;
  /** Of one that ends with * here. */
  openTemplate: string | undefined;
}

export class TemplateTree {
  readonly #root = createNode();

  /** Of two templates that fit the same paths the first is told. */
  constructor(templates: readonly RouteTemplate[]) {
    for (const template of templates) this.#add(template);
  }

  /** The text of the template that fits. */
  find(path: PathSegments): string | undefined {
    return findFrom(this.#root, path, 0);
  }

  #add({ segments, isOpen, text }: RouteTemplate): void {
    let node = this.#root;
    for (const segment of segments) node = childOf(node, segment);
    if (isOpen) node.openTemplate ??= text;
    else node.template ??= text;
  }
}

function createNode(): Node {
  return { texts: new Map(), patterns: [], template: undefined, openTemplate: undefined };
}

function childOf(node: Node, segment: RouteSegment): Node {
  if (!segment.hasPlaceholder) {
    const known = node.texts.get(segment.prefix) ?? createNode();
    node.texts.set(segment.prefix, known);
    return known;
  }
  const { patterns } = node;
  const known = patterns.find(
    ({ segment: { prefix, suffix } }) => prefix === segment.prefix && suffix === segment.suffix,
  );
  if (known !== undefined) return known.node;
  const added = createNode();
  patterns.push({ segment, node: added });
  patterns.sort((one, other) => fixedChars(other.segment) - fixedChars(one.segment));
  return added;
}

function fixedChars({ prefix, suffix }: RouteSegment): number {
  return prefix.length + suffix.length;
}

function findFrom(node: Node, path: PathSegments, depth: number): string | undefined {
  const segment = path.segments[depth];
  if (segment === undefined) {
    return path.isCut ? node.openTemplate : node.template;
  }
  const plain = plainSegment(segment);
  const text = node.texts.get(plain);
  if (text !== undefined) {
    const found = findFrom(text, path, depth + 1);
    if (found !== undefined) return found;
  }
  for (const { segment: pattern, node: next } of node.patterns) {
    if (!fits(pattern, plain)) continue;
    const found = findFrom(next, path, depth + 1);
    if (found !== undefined) return found;
  }
  return node.openTemplate;
}

/** A placeholder stands for one character at least. */
function fits({ prefix, suffix }: RouteSegment, text: string): boolean {
  return (
    text.length > prefix.length + suffix.length && text.startsWith(prefix) && text.endsWith(suffix)
  );
}
