/**
 * Hides the values in SQL text. The one invariant: no character of a literal is in the result,
 * however the text is broken; what cannot be told from a literal counts as one.
 */

import type { SqlDialect } from "./dialect.ts";
import { Keywords } from "./keywords.ts";
import { sqlLimits } from "./limits.ts";
import { SqlScanner, SqlToken } from "./scanner.ts";

const booleans = new Keywords(["TRUE", "FALSE"]);

/**
 * The text with ? for every literal: strings of all kinds, numbers with their sign, booleans.
 * Comments go, the white space around them stays. Looks at sqlLimits.textMax characters.
 * Source: OpenTelemetry semantic conventions, "Sanitization of db.query.text".
 */
export function sanitizeSql(text: string, dialect: SqlDialect): string {
  const scanner = new SqlScanner(
    text.length > sqlLimits.textMax ? text.slice(0, sqlLimits.textMax) : text,
    dialect,
  );
  let result = "";
  /** End of what is in the result, and whether the token before was a dot (as in t.true). */
  let copied = 0;
  let afterDot = false;
  while (scanner.next()) {
    if (scanner.kind === SqlToken.comment) {
      result += scanner.text.slice(copied, scanner.start) + gapFor(scanner);
      copied = scanner.end;
    } else if (isLiteral(scanner, afterDot)) {
      result += `${scanner.text.slice(copied, scanner.start)}?`;
      copied = scanner.end;
    }
    afterDot = scanner.kind === SqlToken.symbol && scanner.code === 0x2e;
  }
  return copied === 0 ? scanner.text : result + scanner.text.slice(copied);
}

/** True when the text is parameterised: it has $1, ?, … outside of strings and comments. */
export function hasPlaceholders(text: string, dialect: SqlDialect): boolean {
  const { placeholders } = dialect;
  if (placeholders === "dollar" && !text.includes("$")) return false;
  if (placeholders === "question" && !text.includes("?")) return false;
  const scanner = new SqlScanner(text, dialect);
  while (scanner.next()) if (scanner.kind === SqlToken.parameter) return true;
  return false;
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
