/**
 * Texts as spans may carry them, and the prepared statements of a connection. Invariant: the table
 * and the texts in it stay within cassandraLimits; what is evicted is forgotten, never mixed up.
 */
import {
  describePreparedSql,
  describeSqlText,
  type SqlDescription,
  sqlDialects,
  sqlLimits,
} from "../sql/index.ts";
import { cassandraLimits } from "./limits.ts";
import type { Asked, CassandraState, Statement } from "./types.ts";

const dialect = sqlDialects.cql;

/** What a request's statements say; undefined when one of them is not known. */
export function statementOf(
  statements: readonly Asked[],
  batchSize: number | undefined,
  state: CassandraState,
): Statement | undefined {
  if (batchSize === undefined) {
    const [only] = statements;
    return only === undefined ? undefined : described(only, state);
  }
  const known: Statement[] = [];
  for (const asked of statements) {
    const statement = described(asked, state);
    if (statement !== undefined) known.push(statement);
  }
  return known.length === batchSize ? batchOf(known) : undefined;
}

function described(asked: Asked, state: CassandraState): Statement | undefined {
  if (asked.id !== "") return state.prepared.get(asked.id);
  if (asked.text === "") return undefined;
  const description = asked.bound
    ? boundText(asked.text, state)
    : describeSqlText(asked.text, dialect);
  return { description, truncated: asked.truncated, keyspace: undefined, table: undefined };
}

/** The description of a text that came with values, remembered while it is short. */
function boundText(text: string, { boundTexts }: CassandraState): SqlDescription {
  const before = boundTexts.get(text);
  if (before !== undefined) return before;
  const description = describePreparedSql(text, dialect);
  if (text.length > cassandraLimits.boundTextCharsMax) return description;
  if (boundTexts.size >= cassandraLimits.boundTextsMax) {
    for (const oldest of boundTexts.keys()) {
      boundTexts.delete(oldest);
      break;
    }
  }
  boundTexts.set(text, description);
  return description;
}

/** One text if all are the same, else all of them; BATCH and what is done if it is the same. */
function batchOf(statements: readonly Statement[]): Statement {
  const texts = statements.map(({ description }) => description.text);
  const summaries = new Set(statements.map(({ description }) => description.summary));
  const [summary = ""] = summaries;
  const isOne = summaries.size === 1 && summary !== "";
  const all = new Set(texts).size === 1 ? (texts[0] ?? "") : texts.join("; ");
  const description: SqlDescription = {
    text: all.slice(0, sqlLimits.textMax),
    summary: isOne ? `BATCH ${summary}`.slice(0, sqlLimits.summaryCharsMax) : "BATCH",
    statements: statements.length,
  };
  const truncated = all.length > sqlLimits.textMax || statements.some((it) => it.truncated);
  const keyspace = common(statements.map((it) => it.keyspace));
  const table = common(statements.map((it) => it.table));
  return { description, truncated, keyspace, table };
}

/** The value that all have; undefined when they differ. */
function common(values: readonly (string | undefined)[]): string | undefined {
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}

/** Lets an id mean a statement; the oldest ones go when there are too many. */
export function rememberPrepared(state: CassandraState, id: string, statement: Statement): void {
  const { prepared } = state;
  const before = prepared.get(id);
  if (before !== undefined) {
    state.preparedChars -= sizeOf(before);
    prepared.delete(id);
  }
  prepared.set(id, statement);
  state.preparedChars += sizeOf(statement);
  for (const [oldest, evicted] of prepared) {
    const fits =
      prepared.size <= cassandraLimits.preparedMax &&
      state.preparedChars <= cassandraLimits.preparedCharsMax;
    if (fits) break;
    state.preparedChars -= sizeOf(evicted);
    prepared.delete(oldest);
  }
}

function sizeOf({ description, keyspace = "", table = "" }: Statement): number {
  return description.text.length + description.summary.length + keyspace.length + table.length;
}
