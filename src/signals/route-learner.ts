/**
 * The routes that one service's paths show: the second half of how a route is learnt. What a
 * segment's shape does not settle is a word, and stays one until its place has shown too many of
 * them. Invariants: a name that was told is told again for the same path, unless its words have
 * become placeholders since, which happens once and is never taken back; memory and the number of
 * names have their limits, beyond which no name is told instead of a wrong one.
 */
import { limits } from "../limits.ts";
import { type PathSegments, plainSegment } from "./path-segments.ts";
import { isWord, labelOf, Placeholder } from "./segment-shape.ts";

interface Node {
  readonly route: string;
  children: Map<string, Node> | undefined;
  /** Words among the children; the fixed placeholders are beside them. */
  words: number;
  /** Requests that were served below here, counted while that decides something. */
  served: number;
  /** There were too many words: new ones are {name}. */
  isFull: boolean;
  /** The route itself was served, so that it is a name. */
  isTold: boolean;
}

/** Nodes of all services together. */
export interface RouteMemory {
  nodes: number;
}

export class RouteLearner {
  readonly #memory: RouteMemory;
  readonly #root = createNode("");
  #nodes = 0;
  #names = 0;

  constructor(memory: RouteMemory) {
    this.#memory = memory;
  }

  get nodes(): number {
    return this.#nodes;
  }

  /** Names that were ever told. */
  get names(): number {
    return this.#names;
  }

  /**
   * The route of a path. `served`: the answer says that there is something at this path. What was
   * refused teaches nothing, and is named only when it is known; undefined = no name.
   */
  route({ segments, isCut }: PathSegments, served: boolean): string | undefined {
    let node: Node | undefined = this.#root;
    for (const segment of segments) {
      node = this.#next(node, segment, served);
      if (node === undefined) return undefined;
    }
    if (isCut) node = this.#child(node, Placeholder.rest, served);
    if (node === undefined || !(node.isTold || this.#tell(node, served))) return undefined;
    return node === this.#root ? "/" : node.route;
  }

  #tell(node: Node, served: boolean): boolean {
    if (!served || this.#names >= limits.routeNamesMax) return false;
    this.#names++;
    node.isTold = true;
    return true;
  }

  #next(node: Node, segment: string, served: boolean): Node | undefined {
    // What has become a child as it is needs no second look.
    const known = node.children?.get(segment);
    const next = known ?? this.#child(node, labelOf(plainSegment(segment)), served);
    if (served && next !== undefined) next.served++;
    return next;
  }

  #child(node: Node, label: string, served: boolean): Node | undefined {
    const known = node.children?.get(label);
    if (known !== undefined) return known;
    const word = isWord(label);
    if (word && node.isFull) return this.#child(node, Placeholder.name, served);
    if (!served) return undefined;
    if (word && node.words >= limits.routeWordsMax) {
      this.#fill(node);
      return this.#child(node, Placeholder.name, served);
    }
    if (this.#nodes >= limits.routeNodesMax || this.#memory.nodes >= limits.routesNodesMax) {
      return undefined;
    }
    // A piece of a path would keep the whole path in memory.
    const own = Buffer.from(label, "latin1").toString("latin1");
    const child = createNode(`${node.route}/${own}`);
    node.children ??= new Map();
    node.children.set(own, child);
    this.#grow(1);
    if (word) node.words++;
    return child;
  }

  /** One word too many: those that were served often stay, the others were values. */
  #fill(node: Node): void {
    node.isFull = true;
    for (const [label, child] of node.children ?? []) {
      if (!isWord(label) || child.served >= limits.routeWordServedMin) continue;
      node.children?.delete(label);
      this.#grow(-sizeOf(child));
    }
  }

  #grow(nodes: number): void {
    this.#nodes += nodes;
    this.#memory.nodes += nodes;
  }
}

function createNode(route: string): Node {
  return { route, children: undefined, words: 0, served: 0, isFull: false, isTold: false };
}

/** Depth is bounded by the segments that are looked at. */
function sizeOf(node: Node): number {
  let size = 1;
  for (const child of node.children?.values() ?? []) size += sizeOf(child);
  return size;
}
