/**
 * Finds the statements of a text that holds several. Invariant: the ranges are in order, do not
 * overlap, and none of them is empty but for white space and comments.
 */

import type { SqlDialect } from "./dialect.ts";
import { SqlScanner, SqlToken } from "./scanner.ts";

const SEMICOLON = 0x3b;
const OPEN = 0x28;
const CLOSE = 0x29;

/**
 * The statements of a text, without the semicolons between them. A semicolon in parentheses
 * (CREATE RULE … DO (a; b)) or in a body (BEGIN ATOMIC … END, or the BEGIN … END of a routine)
 * does not end a statement. Of CQL's BEGIN BATCH … APPLY BATCH they are what stands inside.
 */
export function splitStatements(text: string, dialect: SqlDialect): string[] {
  if (dialect.name === "cql") return splitBatch(text, dialect);
  if (!mayHoldSeveral(text, dialect)) return isBlank(text, dialect) ? [] : [text];
  const scanner = new SqlScanner(text, dialect);
  const statements: string[] = [];
  const body = new Body();
  let start = 0;
  let depth = 0;
  let hasContent = false;
  while (scanner.nextMeaningful()) {
    const code = scanner.kind === SqlToken.symbol ? scanner.code : 0;
    body.token(scanner.kind === SqlToken.word ? scanner.spelling : "");
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

/** False when the text is one statement at most, as a short look tells. */
export function mayHoldSeveral(text: string, dialect: SqlDialect): boolean {
  if (dialect.name !== "cql") {
    const semicolon = text.indexOf(";");
    return semicolon >= 0 && semicolon < text.length - 1;
  }
  const scanner = new SqlScanner(text, dialect);
  return scanner.nextMeaningful() && scanner.spelling.toUpperCase() === "BEGIN";
}

/** CQL has no text of several statements but the batch, whose semicolons may be left out. */
function splitBatch(text: string, dialect: SqlDialect): string[] {
  const scanner = new SqlScanner(text, dialect);
  const first = scanner.nextMeaningful() ? scanner.spelling.toUpperCase() : "";
  if (first !== "BEGIN") return isBlank(text, dialect) ? [] : [text];
  const statements: string[] = [];
  let start = -1;
  while (scanner.nextMeaningful()) {
    const word = scanner.kind === SqlToken.word ? scanner.spelling.toUpperCase() : "";
    const ends = batchVerbs.has(word) || word === "APPLY";
    if (ends && start >= 0) statements.push(withoutSemicolon(text.slice(start, scanner.start)));
    if (ends) start = batchVerbs.has(word) ? scanner.start : -1;
  }
  if (start >= 0) statements.push(withoutSemicolon(text.slice(start)));
  return statements.length === 0 ? [text] : statements;
}

const batchVerbs: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE"]);

function withoutSemicolon(statement: string): string {
  const trimmed = statement.trimEnd();
  return trimmed.endsWith(";") ? trimmed.slice(0, -1) : trimmed;
}

const routines: ReadonlySet<string> = new Set([
  ...["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"],
]);
/** What follows END where it does not end BEGIN or CASE. */
const otherEnds: ReadonlySet<string> = new Set(["IF", "LOOP", "WHILE", "REPEAT", "FOR"]);
const WORD_CHARS_MAX = 9;

/** Follows BEGIN … END of a body, in which BEGIN … END and CASE … END may be nested. */
class Body {
  #previous = "";
  #depth = 0;
  #first = "";
  #routine = false;

  get open(): boolean {
    return this.#depth > 0;
  }

  /** The next token's word; "" when it is none. */
  token(spelling: string): void {
    const word = spelling.length > WORD_CHARS_MAX ? "-" : spelling.toUpperCase();
    const before = this.#previous;
    this.#previous = word;
    if (this.#first === "") this.#first = word === "" ? "-" : word;
    // END closes what is open; END IF and the like close what was not counted.
    if (before === "END" && this.open && !otherEnds.has(word)) this.#depth--;
    if (this.#first === "CREATE" && routines.has(word)) this.#routine = true;
    if (word === "ATOMIC" && (before === "BEGIN" || before === "NOT") && !this.#routine) {
      this.#depth = 1;
    } else if (word === "BEGIN" && (this.#routine || this.open)) this.#depth++;
    else if (word === "CASE" && this.open && before !== "END") this.#depth++;
  }

  reset(): void {
    this.#depth = 0;
    this.#previous = "";
    this.#first = "";
    this.#routine = false;
  }
}

function isBlank(text: string, dialect: SqlDialect): boolean {
  const scanner = new SqlScanner(text, dialect);
  while (scanner.nextMeaningful()) {
    if (scanner.kind !== SqlToken.symbol || scanner.code !== SEMICOLON) return false;
  }
  return true;
}
