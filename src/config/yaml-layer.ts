/**
 * One YAML file as a layer of settings. Invariant: every key of the file is either in the layer or
 * in the problems, with its line; nothing is passed over.
 */
import { isMap, isScalar, LineCounter, type Node, type ParsedNode, parseDocument } from "yaml";
import { nearest, suggestion } from "../lib/nearest.ts";
import { shown } from "./key.ts";
import { type ConfigKey, configKeys, type Layer, laterSections } from "./schema.ts";

/** Aliases that expand to more than this are an attack or an accident ("billion laughs"). */
const ALIASES_MAX = 100;

const keyPaths = Object.keys(configKeys) as ConfigKey[];

/** Reads `content`; `name` stands in front of each problem. */
export function yamlLayer(name: string, content: string, problems: string[]): Layer {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    for (const error of document.errors) {
      const line = error.linePos?.[0].line ?? 1;
      problems.push(`${name}:${line}: ${firstLine(error.message)}`);
    }
    return {};
  }
  const reader = new LayerReader({
    name,
    lines,
    problems,
    toValue: (node) => plainValue(document, node),
  });
  reader.readSection("", document.contents);
  return reader.layer;
}

type YamlDocument = ReturnType<typeof parseDocument>;

function plainValue(document: YamlDocument, node: Node | null): unknown {
  return node === null ? null : node.toJS(document, { maxAliasCount: ALIASES_MAX });
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? message).replace(/ at line \d+, column \d+:?$/, "");
}

interface ReaderOptions {
  readonly name: string;
  readonly lines: LineCounter;
  readonly problems: string[];
  readonly toValue: (node: Node | null) => unknown;
}

class LayerReader {
  readonly layer: Layer = {};
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Reads the keys below `prefix` ("" or "hook."). */
  readSection(prefix: string, node: ParsedNode | Node | null): void {
    if (node === null || (isScalar(node) && node.value === null)) return; // an empty section
    if (!isMap(node)) {
      const where = prefix === "" ? "the file" : prefix.slice(0, -1);
      const value = this.#valueOf(node, where);
      if (value.ok)
        this.#problem(node, where, `expects a mapping of keys, got ${shown(value.value)}`);
      return;
    }
    for (const pair of node.items) {
      const keyNode = pair.key as Node;
      const key = isScalar(keyNode)
        ? String(keyNode.value)
        : String(this.#options.toValue(keyNode));
      this.#readKey(prefix, key, keyNode, pair.value as Node | null);
    }
  }

  #readKey(prefix: string, key: string, keyNode: Node, node: Node | null): void {
    const path = prefix + key;
    const leaf = keyPaths.find((known) => known === path);
    if (leaf !== undefined) this.#readLeaf(leaf, keyNode, node);
    else if (keyPaths.some((known) => known.startsWith(`${path}.`))) {
      this.readSection(`${path}.`, node);
    } else if (prefix === "" && laterSections.includes(key)) {
      this.#problem(keyNode, path, "is not supported by this version");
    } else this.#problem(keyNode, path, `unknown key${suggestedKey(prefix, key)}`);
  }

  #readLeaf(path: ConfigKey, keyNode: Node, node: Node | null): void {
    const value = this.#valueOf(node ?? keyNode, path, node);
    if (!value.ok) return;
    const parsed = configKeys[path].ofYaml(value.value);
    if ("problem" in parsed) this.#problem(node ?? keyNode, path, parsed.problem);
    else Object.assign(this.layer, { [path]: parsed.value });
  }

  /** The plain value; an alias bomb or an unresolved alias is a problem like any other. */
  #valueOf(
    at: Node,
    path: string,
    node: Node | null = at,
  ): { ok: true; value: unknown } | { ok: false } {
    try {
      return { ok: true, value: this.#options.toValue(node) };
    } catch (error) {
      this.#problem(at, path, firstLine(error instanceof Error ? error.message : String(error)));
      return { ok: false };
    }
  }

  #problem(node: Node, path: string, problem: string): void {
    const { name, lines, problems } = this.#options;
    const { line } = lines.linePos(node.range?.[0] ?? 0);
    problems.push(`${name}:${line}: ${path}: ${problem}`);
  }
}

/** Neighbours first; a key that stands in the wrong place is found by its own name anywhere. */
function suggestedKey(prefix: string, key: string): string {
  const neighbours = new Set<string>();
  for (const path of keyPaths) {
    if (path.startsWith(prefix)) neighbours.add(path.slice(prefix.length).split(".")[0] ?? "");
  }
  if (nearest(key, [...neighbours]) === undefined) {
    const elsewhere = keyPaths.find((path) => path.endsWith(`.${key}`));
    if (elsewhere !== undefined) return `, did you mean ${elsewhere}?`;
  }
  return suggestion(key, [...neighbours]);
}
