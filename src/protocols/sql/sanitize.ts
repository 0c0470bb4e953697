/**
 * Hides the values in SQL text. The one invariant: no character of a literal is in the result,
 * however the text is broken; what cannot be told from a literal counts as one.
 */

import type { SqlDialect } from "./dialect.ts";
import { Keywords } from "./keywords.ts";
import { sqlLimits } from "./limits.ts";
import { SqlScanner, SqlToken } from "./scanner.ts";

const DOT = 0x2e;
const SEMICOLON = 0x3b;

const booleans = new Keywords(["TRUE", "FALSE"]);

/** Makes the text with its values hidden while somebody moves a scanner over it, token by token. */
export class Sanitizer {
  readonly #text: string;
  #result = "";
  /** End of what is in the result, and of the last dot: what touches it is a name (t.true). */
  #copied = 0;
  #dotEnd = -1;
  /** There is a token that is not white space, a comment or a semicolon. */
  hasContent = false;
  hasPlaceholder = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text up to its end, when every token has been seen. */
  get result(): string {
    return this.#copied === 0 ? this.#text : this.#result + this.#text.slice(this.#copied);
  }

  /** The scanner stands on the next token; white space may be left out. */
  see(scanner: SqlScanner): void {
    const { kind } = scanner;
    if (kind === SqlToken.space) return;
    if (kind === SqlToken.comment) {
      this.#replace(scanner, gapFor(scanner));
      return;
    }
    if (kind === SqlToken.symbol) {
      const { code } = scanner;
      if (code === DOT) this.#dotEnd = scanner.end;
      else if (code === SEMICOLON) return;
    } else if (isLiteral(scanner, this.#dotEnd === scanner.start)) this.#replace(scanner, "?");
    else if (kind === SqlToken.parameter) this.hasPlaceholder = true;
    this.hasContent = true;
  }

  #replace({ start, end }: SqlScanner, shown: string): void {
    this.#result += this.#text.slice(this.#copied, start) + shown;
    this.#copied = end;
  }
}

/**
 * The text with ? for every literal: strings of all kinds, numbers with their sign, booleans.
 * Comments go, the white space around them stays. Looks at sqlLimits.textMax characters.
 * Source: OpenTelemetry semantic conventions, "Sanitization of db.query.text".
 */
export function sanitizeSql(text: string, dialect: SqlDialect): string {
  const cut = text.length > sqlLimits.textMax ? text.slice(0, sqlLimits.textMax) : text;
  const scanner = new SqlScanner(cut, dialect);
  const sanitizer = new Sanitizer(cut);
  while (scanner.nextVisible()) sanitizer.see(scanner);
  return sanitizer.result;
}

/** True when the text is parameterised: it has $1, ?, … outside of strings and comments. */
export function hasPlaceholders(text: string, dialect: SqlDialect): boolean {
  const { placeholders } = dialect;
  if (placeholders === "dollar" && !text.includes("$")) return false;
  if (placeholders === "question" && !text.includes("?")) return false;
  const scanner = new SqlScanner(text, dialect);
  while (scanner.nextVisible()) if (scanner.kind === SqlToken.parameter) return true;
  return false;
}

/** How many values are sent apart from the text, for a dialect of `?`. */
export function countPlaceholders(text: string, dialect: SqlDialect): number {
  const scanner = new SqlScanner(text, dialect);
  let count = 0;
  while (scanner.nextVisible()) if (scanner.kind === SqlToken.parameter) count++;
  return count;
}

function isLiteral(scanner: SqlScanner, afterDot: boolean): boolean {
  const { kind } = scanner;
  if (kind === SqlToken.string || kind === SqlToken.number) return true;
  // Nobody knows where an identifier without an end was to end; a literal may be inside.
  if (kind === SqlToken.quotedIdentifier) return !scanner.closed;
  if (kind !== SqlToken.word || afterDot) return false;
  return booleans.at(scanner.text, scanner.start, scanner.end) !== "";
}

/** A comment between two words is all that keeps them apart. */
function gapFor(comment: SqlScanner): string {
  const before = comment.start === 0 ? " " : comment.text.charAt(comment.start - 1);
  const after = comment.end >= comment.text.length ? " " : comment.text.charAt(comment.end);
  return before.trim() === "" || after.trim() === "" ? "" : " ";
}
