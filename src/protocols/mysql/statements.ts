/**
 * The texts of a connection's prepared statements. Invariant: the table and the texts in it stay
 * within mysqlLimits; what is evicted is forgotten, never mixed up.
 */
import {
  countPlaceholders,
  describePreparedSql,
  describeSqlText,
  mysqlDialect,
} from "../sql/index.ts";
import { mysqlLimits } from "./limits.ts";
import type { MysqlState, Statement } from "./types.ts";

/** MariaDB: the statement that was prepared last. */
export const LAST_PREPARED = 0xffff_ffff;

/** Stands for bytes that are not UTF-8; in GBK or SJIS a backslash may be half of a character. */
const UNDECODABLE = "\ufffd";

/** The statement of COM_QUERY's text, or of COM_STMT_PREPARE's. */
export function statementOf(
  text: string,
  state: MysqlState,
  how: { readonly prepared: boolean; readonly truncated: boolean },
): Statement {
  // A text that changes the rules may hold strings of both kinds.
  const changes = text.includes(";") && /sql_mode/i.test(text);
  const uncertain = changes || text.includes(UNDECODABLE);
  const dialect = mysqlDialect(uncertain ? "unknown" : state.backslash, state.doubleQuotes);
  const description = how.prepared
    ? describePreparedSql(text, dialect)
    : describeSqlText(text, dialect);
  return { description, truncated: how.truncated, parameters: undefined };
}

/** Values that an execution of a prepared statement sends. */
export function parametersOf(statement: Statement, state: MysqlState): number {
  const dialect = mysqlDialect(state.backslash, state.doubleQuotes);
  statement.parameters ??= countPlaceholders(statement.description.text, dialect);
  return statement.parameters;
}

export function rememberStatement(state: MysqlState, id: number, statement: Statement): void {
  forgetStatement(state, id);
  const { statements } = state;
  statements.set(id, statement);
  state.statementChars += sizeOf(statement);
  for (const oldest of statements.keys()) {
    const fits =
      statements.size <= mysqlLimits.statementsMax &&
      state.statementChars <= mysqlLimits.statementCharsMax;
    if (fits) return;
    forgetStatement(state, oldest);
  }
}

export function forgetStatement(state: MysqlState, id: number): void {
  const before = state.statements.get(id);
  if (before === undefined) return;
  state.statementChars -= sizeOf(before);
  state.statements.delete(id);
}

export function forgetStatements(state: MysqlState): void {
  state.statements.clear();
  state.statementChars = 0;
  state.lastPrepared = undefined;
}

function sizeOf({ description }: Statement): number {
  return description.text.length + description.summary.length;
}

/** The database that a text of USE chooses; undefined when it is not one. */
export function usedDatabase({ description }: Statement): string | undefined {
  if (((description.summary.charCodeAt(0) ^ 0x75) & 0xdf) !== 0) return undefined;
  const found = /^USE (?:`([^`]+)`|([^`.]+))$/i.exec(description.summary);
  return found?.[1] ?? found?.[2];
}
