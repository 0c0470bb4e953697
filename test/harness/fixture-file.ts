/**
 * Reads fixtures that are kept as Markdown: where the bytes come from, the bytes, and what a
 * protocol must make of them. Its invariant: a line that it does not understand is an error.
 *
 *   A file is one fixture, or several: then each begins with "## NAME".
 *   Bytes stand in a block of ```bytes: "> " begins what the request side sends, "< " what the
 *   response side sends, "| " goes on with the line before, "# " is a remark. Printable ASCII is
 *   itself, everything else \xNN, a backslash \\; \{N*x} is N times the character x. A line
 *   "! request 100" loses bytes, "! request end" ends the side behind its last bytes.
 *   What is expected stands in a block of ```json: the other fields of Fixture. A ```json block
 *   before the first "## " holds attributes that all exchanges of the file have unless they name
 *   them themselves; null = not there.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { AttributeValue } from "../../src/model/attributes.ts";
import type { Side } from "../../src/model/connection.ts";
import type { ExpectedExchange, Fixture, Step } from "./stream-cases.ts";

/** All fixtures of a folder, by file name and in the order of the file. */
export function readFixtures(folder: string): Fixture[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".md"));
  return files.sort().flatMap((file) => readFixtureFile(join(folder, file)));
}

export function readFixtureFile(path: string): Fixture[] {
  const text = readFileSync(path, "utf8");
  const file = basename(path, ".md");
  const [head = "", ...sections] = text.split(/^## /m);
  if (sections.length === 0) return [fixtureOf(head, file, {})];
  const defaults: Defaults = head.includes("```json")
    ? JSON.parse(blockOf(head, "json", file))
    : {};
  return sections.map((section) => {
    const [title = ""] = section.split("\n", 1);
    return fixtureOf(section, `${file}: ${title}`, defaults);
  });
}

type Defaults = Readonly<Record<string, AttributeValue>>;
interface Written extends Omit<ExpectedExchange, "attributes"> {
  readonly attributes: Readonly<Record<string, AttributeValue | null>>;
}

function fixtureOf(text: string, name: string, defaults: Defaults): Fixture {
  const steps = stepsOf(blockOf(text, "bytes", name), name);
  const rest: Omit<Fixture, "name" | "steps"> = JSON.parse(blockOf(text, "json", name));
  const written = rest.expected as readonly Written[];
  const expected = written.map((exchange) => {
    const all = Object.entries({ ...defaults, ...exchange.attributes });
    const attributes = Object.fromEntries(all.filter(([, value]) => value !== null));
    return { ...exchange, attributes: attributes as Record<string, AttributeValue> };
  });
  return { name, steps, ...rest, expected };
}

function blockOf(text: string, language: string, name: string): string {
  const start = text.indexOf(`\`\`\`${language}\n`);
  const end = text.indexOf("\n```", start);
  if (start < 0 || end < 0) throw new Error(`${name}: no block of ${language}`);
  return text.slice(start + language.length + 4, end);
}

interface OpenStep {
  readonly side: Side;
  readonly gap: number;
  text: string;
  end?: boolean;
}

function stepsOf(block: string, name: string): Step[] {
  const steps: OpenStep[] = [];
  const gaps: Record<Side, number> = { request: 0, response: 0 };
  for (const line of block.split("\n")) {
    const body = line.slice(2);
    const last = steps.at(-1);
    if (line.startsWith("> ") || line.startsWith("< ")) {
      const side = line.startsWith("> ") ? "request" : "response";
      steps.push({ side, gap: gaps[side], text: body });
      gaps[side] = 0;
    } else if (line.startsWith("| ") && last !== undefined) last.text += body;
    else if (line.startsWith("! ")) {
      const [side, length] = body.split(" ");
      const own = steps.findLast((step) => step.side === side);
      if (side !== "request" && side !== "response") throw new Error(`${name}: ${line}`);
      if (length !== "end") gaps[side] += Number(length);
      else if (own !== undefined) own.end = true;
      else throw new Error(`${name}: ends before its first bytes: ${line}`);
    } else if (!line.startsWith("# ")) throw new Error(`${name}: not understood: ${line}`);
  }
  return steps.map(({ side, gap, text, end }) => {
    const step = { side, bytes: unescaped(text, name) };
    return { ...step, ...(gap === 0 ? {} : { gap }), ...(end === true ? { end } : {}) };
  });
}

/** The bytes of a line: printable ASCII as it is, \xNN, \\ and \{N*x} for the others. */
export function unescaped(text: string, name = "text"): Uint8Array {
  const bytes: number[] = [];
  for (const [piece] of text.matchAll(/\\x[0-9a-fA-F]{2}|\\\{\d+\*.\}|\\\\|./gs)) {
    const code = piece.charCodeAt(0);
    if (piece.startsWith("\\x")) bytes.push(Number.parseInt(piece.slice(2), 16));
    else if (piece.startsWith("\\{")) {
      const value = piece.charCodeAt(piece.length - 2);
      for (let count = Number.parseInt(piece.slice(2), 10); count > 0; count--) bytes.push(value);
    } else if (piece === "\\" || code > 126) throw new Error(`${name}: bad escape, or not ASCII`);
    else bytes.push(code);
  }
  return Uint8Array.from(bytes);
}
