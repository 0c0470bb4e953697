/**
 * What a span may say of SQL text. Invariant: text that is not parameterised leaves this folder
 * only with its literals hidden.
 */
import type { SqlDialect } from "./dialect.ts";
import { sqlLimits } from "./limits.ts";
import { hasPlaceholders, Sanitizer, sanitizeSql } from "./sanitize.ts";
import { mayHoldSeveral, splitStatements } from "./statements.ts";
import { summarizeSeen, summarizeSql } from "./summary.ts";

export { traceparentOf } from "./comment.ts";
export {
  type Backslash,
  mysqlDialect,
  postgresqlDialect,
  type SqlDialect,
  sqlDialects,
} from "./dialect.ts";
export { sqlLimits } from "./limits.ts";
export { countPlaceholders, hasPlaceholders, sanitizeSql } from "./sanitize.ts";
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

const NO_STATEMENT: SqlDescription = { text: "", summary: "", statements: 0 };

/** Describes a text that is not parameterised and may hold several statements. */
export function describeSqlText(text: string, dialect: SqlDialect): SqlDescription {
  return describe(text, dialect, false);
}

/** Describes a text that is sent apart from its values: it stays as it is if it has any. */
export function describePreparedSql(text: string, dialect: SqlDialect): SqlDescription {
  return describe(text, dialect, true);
}

/** Most texts are one statement, and are read once for everything that is said of them. */
function describe(text: string, dialect: SqlDialect, prepared: boolean): SqlDescription {
  if (text.length > sqlLimits.textMax || mayHoldSeveral(text, dialect)) {
    return prepared && hasPlaceholders(text, dialect)
      ? { text, summary: summarizeSql(text, dialect), statements: 1 }
      : describeSeveral(text, dialect);
  }
  const sanitizer = new Sanitizer(text);
  const summary = summarizeSeen(text, dialect, sanitizer);
  if (prepared && sanitizer.hasPlaceholder) return { text, summary, statements: 1 };
  if (!sanitizer.hasContent) return NO_STATEMENT;
  return { text: sanitizer.result, summary, statements: 1 };
}

function describeSeveral(text: string, dialect: SqlDialect): SqlDescription {
  const statements = splitStatements(text, dialect);
  if (statements.length <= 1) {
    const only = statements[0];
    if (only === undefined) return NO_STATEMENT;
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

/** BATCH and what is done, when the same is done each time and there is room to say it. */
function batchSummary(summaries: ReadonlySet<string>): string {
  const [first = ""] = summaries;
  const summary = `BATCH ${first}`;
  const fits = summary.length <= sqlLimits.summaryCharsMax;
  return summaries.size === 1 && first !== "" && fits ? summary : "BATCH";
}
