/** What the product's TypeScript must not use, and where. */
import {
  isAsExpression,
  isExportAssignment,
  isNewExpression,
  isNonNullExpression,
  isPropertyAccessExpression,
  isThrowStatement,
  type Node,
  SyntaxKind,
} from "typescript/unstable/ast";
import { type House, lineAt, type Rule, type SourceCode, type Violation, walk } from "./house.ts";

/** Finds what a node does wrong in this file, or undefined. */
type NodeCheck = (node: Node, source: SourceCode) => string | undefined;

/** Applies the check to every node of the product's files. */
function rule(name: string, check: NodeCheck): Rule {
  return {
    name,
    check: ({ sources }: House) =>
      sources.flatMap((source) => {
        const { path, text, tree, isTest } = source;
        if (isTest || !path.startsWith("src/")) return [];
        const violations: Violation[] = [];
        walk(tree, (node) => {
          const message = check(node, source);
          if (message === undefined) return;
          violations.push({ path, line: lineAt(text, node.getStart(tree)), message });
        });
        return violations;
      }),
  };
}

/** Where one cast that erases type parameters is the point of the file. */
const castPlaces: ReadonlySet<string> = new Set(["src/lib/bytes.ts", "src/protocols/contract.ts"]);

function typeProblem(node: Node, { path }: SourceCode): string | undefined {
  if (castPlaces.has(path)) return undefined;
  if (node.kind === SyntaxKind.AnyKeyword) return "any";
  if (isNonNullExpression(node)) return "non-null assertion";
  if (!isAsExpression(node) || !isAsExpression(node.expression)) return undefined;
  const inner = node.expression.type.kind;
  return inner === SyntaxKind.UnknownKeyword ? "as unknown as" : undefined;
}

const byteStages = /^src\/(wire|connections|streams|protocols)\//;

function throwProblem(node: Node, { path }: SourceCode): string | undefined {
  return byteStages.test(path) && isThrowStatement(node) ? "throw on outside bytes" : undefined;
}

function exportProblem(node: Node): string | undefined {
  if (isExportAssignment(node)) return "default export";
  return node.kind === SyntaxKind.DefaultKeyword && !isCaseClause(node)
    ? "default export"
    : undefined;
}

function isCaseClause(node: Node): boolean {
  return node.parent.kind === SyntaxKind.DefaultClause;
}

interface Ambient {
  readonly what: string;
  readonly members: readonly string[];
  readonly places: RegExp;
}

/** The world outside: who may ask for it. The others are given it. */
const ambient: readonly Ambient[] = [
  {
    what: "time",
    members: [
      "Date.now",
      "performance.now",
      "performance.timeOrigin",
      "process.hrtime",
      "process.uptime",
      "Bun.nanoseconds",
    ],
    places: /^src\/(lib\/clock|host\/system-clock)\.ts$|^src\/self\//,
  },
  {
    what: "randomness",
    members: ["Math.random", "crypto.getRandomValues", "crypto.randomUUID"],
    places: /^src\/lib\/ids\.ts$/,
  },
  {
    what: "the console",
    members: ["log", "info", "warn", "error", "debug", "trace", "dir", "table"].map(
      (member) => `console.${member}`,
    ),
    places: /^src\/(self|commands)\/|^src\/main\.ts$/,
  },
  {
    what: "the environment",
    members: ["process.env", "Bun.env"],
    places: /^src\/commands\/|^src\/config\/environment|^src\/main\.ts$/,
  },
];

function ambientProblem(node: Node, { path }: SourceCode): string | undefined {
  const name = isPropertyAccessExpression(node) ? memberName(node.getText()) : dateName(node);
  if (name === undefined) return undefined;
  for (const { what, members, places } of ambient) {
    if (members.includes(name) && !places.test(path)) return `asks for ${what}: ${name}`;
  }
  return undefined;
}

/** "Date.now" of Date.now and globalThis.Date.now. */
function memberName(text: string): string | undefined {
  return /^(?:globalThis\s*\.\s*)?(\w+\s*\.\s*\w+)$/.exec(text)?.[1]?.replace(/\s/g, "");
}

/** new Date() without an argument reads the clock. */
function dateName(node: Node): string | undefined {
  if (!isNewExpression(node) || node.expression.getText() !== "Date") return undefined;
  return (node.arguments?.length ?? 0) === 0 ? "Date.now" : undefined;
}

export const languageRules: readonly Rule[] = [
  rule("types", typeProblem),
  rule("throw", throwProblem),
  rule("exports", exportProblem),
  rule("ambient", ambientProblem),
];
