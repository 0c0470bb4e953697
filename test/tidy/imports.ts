/** Who may import whom, and that nobody imports himself by a detour. */
import { posix } from "node:path";
import {
  isExportDeclaration,
  isImportDeclaration,
  type Node,
  SyntaxKind,
} from "typescript/unstable/ast";
import { type House, lineAt, type Rule, type SourceCode, type Violation, walk } from "./house.ts";

interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly typeOnly: boolean;
}

/** Stages meet only in agent.ts and pipeline.ts. */
const stages = [
  "hook",
  "wire",
  "connections",
  "streams",
  "protocols",
  "signals",
  "correlation",
  "logs",
  "export",
  "host",
  "profiles",
] as const;

const everyStage = ["lib", "model", "semconv", "self", "limits", "version"];
const everyProtocol = [
  "protocols/contract",
  "protocols/doubt",
  "protocols/ends",
  "lib",
  "model",
  "semconv",
  "limits",
  "protocols/sql",
  "protocols/http",
];

/** Areas and what they may import beside themselves; "x types" = types of x only. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(stages.map((stage) => [stage, everyStage])),
  connections: [...everyStage, "streams"],
  // The library is embedded as a file of the build.
  hook: [...everyStage, "dist"],
  export: [...everyStage, "gen", "config types"],
  limits: [],
  version: ["package.json"],
  lib: ["model types"],
  model: ["lib"],
  semconv: [],
  self: ["lib", "model", "limits"],
  config: ["lib", "model", "semconv", "self", "limits"],
  // The stages between the hook socket and the exporters are the agent's alone.
  commands: ["agent", "config", "hook", "host", "lib", "model", "self", "limits", "version"],
  main: ["commands", "lib", "version"],
  gen: [],
};

/** Of these, calls of a native library; everything else reaches the system through them. */
const nativeAreas: ReadonlySet<string> = new Set(["hook", "host", "profiles"]);

/** What turns bytes into telemetry knows no package and no input or output. */
const pureAreas: ReadonlySet<string> = new Set([
  "wire",
  "connections",
  "streams",
  "protocols",
  "signals",
  "correlation",
  "model",
  "semconv",
  "limits",
]);

/** "lib" of src/lib/x.ts, "protocols/http1" of a protocol's file, "agent" of the composition. */
function areaOf(path: string): string {
  const parts = path.replace(/^src\//, "").split("/");
  const [first = "", second = ""] = parts;
  if (parts.length === 1) {
    const name = first.replace(/\.ts$/, "");
    return name.startsWith("agent") || name === "pipeline" ? "agent" : name;
  }
  if (first !== "protocols") return first;
  return `protocols/${second.replace(/\.ts$/, "")}`;
}

function isProduct(source: SourceCode): boolean {
  return source.path.startsWith("src/") && !source.isTest;
}

function importsOf(source: SourceCode): Import[] {
  const imports: Import[] = [];
  walk(source.tree, (node) => {
    const specifier = specifierOf(node);
    if (specifier === undefined) return;
    const line = lineAt(source.text, node.end);
    imports.push({ specifier, line, typeOnly: isTypeOnly(node.getText()) });
  });
  return imports;
}

function specifierOf(node: Node): string | undefined {
  if (isImportDeclaration(node) || isExportDeclaration(node)) {
    const specifier = node.moduleSpecifier;
    return specifier === undefined ? undefined : specifier.getText().slice(1, -1);
  }
  if (node.kind !== SyntaxKind.CallExpression) return undefined;
  const call = /^import\(\s*["'](.+)["']/.exec(node.getText());
  return call?.[1];
}

function isTypeOnly(text: string): boolean {
  if (/^(import|export)\s+type\b/.test(text)) return true;
  const names = /^import\s*\{([^}]*)\}/.exec(text)?.[1];
  if (names === undefined) return false;
  return names.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type "));
}

/** Why `from` may not import `to`, or undefined. */
function refusal(from: string, to: string, typeOnly: boolean): string | undefined {
  if (from === to || from === "agent") return undefined;
  if (to === "agent" && from !== "commands" && from !== "main") {
    return "the composition root is imported by main and commands only";
  }
  if (from.startsWith("protocols/")) return protocolRefusal(from, to);
  const granted = allowed[from];
  if (granted === undefined) return `${from} is not in the table of areas`;
  if (granted.includes(to) || (typeOnly && granted.includes(`${to} types`))) return undefined;
  return `${from} may not import ${to}`;
}

const protocolRoots: ReadonlySet<string> = new Set([
  "protocols/contract",
  "protocols/drive",
  "protocols/conversation",
  "protocols/detection",
  "protocols/ledger",
  "protocols/reader",
  "protocols/sides",
  "protocols/tcp-record",
  "protocols/trial",
  "protocols/index",
]);

function protocolRefusal(from: string, to: string): string | undefined {
  if (from === "protocols/index") {
    return to.startsWith("protocols/") ? undefined : "index.ts lists protocols and nothing else";
  }
  if (protocolRoots.has(from)) {
    if (protocolRoots.has(to) || everyStage.includes(to)) return undefined;
    return `${from} knows no concrete protocol and no other stage`;
  }
  return everyProtocol.includes(to) ? undefined : `${from} may not import ${to}`;
}

function checkImports(house: House): Violation[] {
  return house.sources.filter(isProduct).flatMap((source) => {
    const from = areaOf(source.path);
    return importsOf(source).flatMap(({ specifier, line, typeOnly }) => {
      const message = specifier.startsWith(".")
        ? refusal(from, areaOf(resolved(source.path, specifier)), typeOnly)
        : packageRefusal(from, specifier);
      return message === undefined ? [] : [{ path: source.path, line, message }];
    });
  });
}

function packageRefusal(from: string, specifier: string): string | undefined {
  const area = from.split("/")[0] ?? from;
  if (specifier === "bun:ffi" && !nativeAreas.has(area)) return "bun:ffi outside hook and host";
  return pureAreas.has(area) ? `${area} imports no package: ${specifier}` : undefined;
}

function resolved(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier);
}

function checkCycles(house: House): Violation[] {
  const edges = new Map<string, Import[]>();
  for (const source of house.sources.filter(isProduct)) {
    const own = importsOf(source).filter(({ specifier }) => specifier.startsWith("."));
    edges.set(source.path, own);
  }
  const finished = new Set<string>();
  const violations: Violation[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (finished.has(path)) return;
    for (const { specifier, line } of edges.get(path) ?? []) {
      const target = resolved(path, specifier);
      const at = [...trail, path].indexOf(target);
      if (at < 0) visit(target, [...trail, path]);
      else violations.push({ path, line, message: cycleText([...trail, path].slice(at), target) });
    }
    finished.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return violations;
}

function cycleText(members: readonly string[], back: string): string {
  return `import cycle: ${[...members, back].join(" -> ")}`;
}

export const importRules: readonly Rule[] = [
  { name: "imports", check: checkImports },
  { name: "import-cycle", check: checkCycles },
];
