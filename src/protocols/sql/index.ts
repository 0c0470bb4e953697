/**
 * What a span may say of SQL text. Invariant: text that is not parameterised leaves this folder
 * only with its literals hidden.
 */
import type { SqlDialect } from "./dialect.ts";
import { sqlLimits } from "./limits.ts";
import { hasPlaceholders, sanitizeSql } from "./sanitize.ts";
import { splitStatements } from "./statements.ts";
import { summarizeSql } from "./summary.ts";

export { traceparentOf } from "./comment.ts";
export {
  type Backslash,
  mysqlDialect,
  postgresqlDialect,
  type SqlDialect,
  sqlDialects,
} from "./dialect.ts";
export { sqlLimits } from "./limits.ts";
export { hasPlaceholders, sanitizeSql } from "./sanitize.ts";
export { splitStatements } from "./statements.ts";
export { summarizeSql } from "./summary.ts";

/** A text as attributes can carry it. */
export interface SqlDescription {
  /** db.query.text: sanitised, or as it is when parameterised. "" when there is no statement. */
  readonly text: string;
  /** db.query.summary; "" when the text has no word. */
  readonly summary: string;
  /** Statements in the text. */
  readonly statements: number;
}

/** Describes a text that is not parameterised and may hold several statements. */
export function describeSqlText(text: string, dialect: SqlDialect): SqlDescription {
  const statements = splitStatements(text, dialect);
  if (statements.length <= 1) {
    const only = statements[0];
    if (only === undefined) return { text: "", summary: "", statements: 0 };
    const summary = summarizeSql(only, dialect);
    return { text: sanitizeSql(text, dialect), summary, statements: 1 };
  }
  const texts = new Set<string>();
  const summaries = new Set<string>();
  const parts: string[] = [];
  for (const statement of statements) {
    const part = sanitizeSql(statement, dialect).trim();
    parts.push(part);
    texts.add(part);
    summaries.add(summarizeSql(statement, dialect));
  }
  return {
    text: texts.size === 1 ? (parts[0] ?? "") : parts.join("; "),
    summary: batchSummary(summaries),
    statements: statements.length,
  };
}

/** Describes a text that is sent apart from its values: it stays as it is if it has any. */
export function describePreparedSql(text: string, dialect: SqlDialect): SqlDescription {
  if (!hasPlaceholders(text, dialect)) return describeSqlText(text, dialect);
  return { text, summary: summarizeSql(text, dialect), statements: 1 };
}

/** BATCH and what is done, when the same is done each time and there is room to say it. */
function batchSummary(summaries: ReadonlySet<string>): string {
  const [first = ""] = summaries;
  const summary = `BATCH ${first}`;
  const fits = summary.length <= sqlLimits.summaryCharsMax;
  return summaries.size === 1 && first !== "" && fits ? summary : "BATCH";
}
