/**
 * Reads fixtures that are kept as Markdown: where the bytes come from, the bytes, and what a
 * protocol must make of them. Its invariant: a line that it does not understand is an error.
 *
 *   Bytes stand in a block of ```bytes: "> " begins what the request side sends, "< " what the
 *   response side sends, "| " goes on with the line before, "# " is a remark. Printable ASCII is
 *   itself, everything else \xNN, a backslash \\. A line "! request 100" loses bytes.
 *   What is expected stands in a block of ```json: the other fields of Fixture.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Side } from "../../src/model/connection.ts";
import type { Fixture, Step } from "./stream-cases.ts";

/** All fixtures of a folder, by name. */
export function readFixtures(folder: string): Fixture[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".md"));
  return files.sort().map((file) => readFixture(join(folder, file)));
}

export function readFixture(path: string): Fixture {
  const text = readFileSync(path, "utf8");
  const name = basename(path, ".md");
  const steps = stepsOf(blockOf(text, "bytes", name), name);
  const rest: Omit<Fixture, "name" | "steps"> = JSON.parse(blockOf(text, "json", name));
  return { name, steps, ...rest };
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
      if (side !== "request" && side !== "response") throw new Error(`${name}: ${line}`);
      gaps[side] += Number(length);
    } else if (!line.startsWith("# ")) throw new Error(`${name}: not understood: ${line}`);
  }
  return steps.map(({ side, gap, text }) => {
    const step = { side, bytes: unescaped(text, name) };
    return gap === 0 ? step : { ...step, gap };
  });
}

/** The bytes of a line: printable ASCII as it is, \xNN and \\ for the others. */
export function unescaped(text: string, name = "text"): Uint8Array {
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (text[index] !== "\\") bytes.push(code);
    else if (text[index + 1] === "\\") {
      bytes.push(code);
      index++;
    } else {
      const value = Number.parseInt(text.slice(index + 2, index + 4), 16);
      if (text[index + 1] !== "x" || Number.isNaN(value)) throw new Error(`${name}: bad escape`);
      bytes.push(value);
      index += 3;
    }
    if (code > 126) throw new Error(`${name}: not ASCII`);
  }
  return Uint8Array.from(bytes);
}
