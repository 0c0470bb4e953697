/**
 * Finds the statements of a text that holds several. Invariant: the ranges are in order, do not
 * overlap, and none of them is empty but for white space and comments.
 */

import type { SqlDialect } from "./scanner.ts";
import { SqlScanner, SqlToken } from "./scanner.ts";

const SEMICOLON = 0x3b;
const OPEN = 0x28;
const CLOSE = 0x29;

/**
 * The statements of a text, without the semicolons between them. A semicolon in parentheses
 * (CREATE RULE … DO (a; b)) or in a BEGIN ATOMIC … END body does not end a statement.
 */
export function splitStatements(text: string, dialect?: SqlDialect): string[] {
  const semicolon = text.indexOf(";");
  if (semicolon < 0 || semicolon === text.length - 1) return isBlank(text) ? [] : [text];
  const scanner = new SqlScanner(text, dialect);
  const statements: string[] = [];
  const body = new AtomicBody();
  let start = 0;
  let depth = 0;
  let hasContent = false;
  while (scanner.nextMeaningful()) {
    const code = scanner.kind === SqlToken.symbol ? scanner.code : 0;
    if (scanner.kind === SqlToken.word) body.word(scanner.spelling);
    if (code === OPEN) depth++;
    else if (code === CLOSE) depth = Math.max(0, depth - 1);
    else if (code === SEMICOLON && depth === 0 && !body.open) {
      if (hasContent) statements.push(text.slice(start, scanner.start));
      start = scanner.end;
      hasContent = false;
      body.reset();
      continue;
    }
    hasContent = true;
  }
  if (hasContent) statements.push(text.slice(start));
  return statements;
}

/** Follows BEGIN ATOMIC … END, in which CASE … END may be nested. */
class AtomicBody {
  #previous = "";
  #depth = 0;

  get open(): boolean {
    return this.#depth > 0;
  }

  word(spelling: string): void {
    if (spelling.length > 6) {
      this.#previous = "";
      return;
    }
    const word = spelling.toUpperCase();
    if (word === "ATOMIC" && this.#previous === "BEGIN") this.#depth = 1;
    else if (word === "CASE" && this.open) this.#depth++;
    else if (word === "END" && this.open) this.#depth--;
    this.#previous = word;
  }

  reset(): void {
    this.#depth = 0;
    this.#previous = "";
  }
}

function isBlank(text: string): boolean {
  const scanner = new SqlScanner(text);
  while (scanner.nextMeaningful()) {
    if (scanner.kind !== SqlToken.symbol || scanner.code !== SEMICOLON) return false;
  }
  return true;
}
