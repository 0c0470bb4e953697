/**
 * The prepared statements and portals of a connection. Invariant: both tables and the texts in them
 * stay within postgresqlLimits; what is evicted is forgotten, never mixed up.
 */
import { describePreparedSql, describeSqlText, postgresqlDialect } from "../sql/index.ts";
import { type PostgresqlState, postgresqlLimits, type Statement } from "./types.ts";

/** The parameter that says whether a backslash escapes a quote in a plain string. */
export const ESCAPES_PARAMETER = "standard_conforming_strings";

/** The statement of a simple query's text, or of Parse's. */
export function statementOf(
  text: string,
  state: PostgresqlState,
  how: { readonly prepared: boolean; readonly truncated: boolean },
): Statement {
  // A text that changes the rule may hold strings of both kinds.
  const backslash = text.includes(ESCAPES_PARAMETER) ? "unknown" : state.backslash;
  const dialect = postgresqlDialect(backslash);
  const description = how.prepared
    ? describePreparedSql(text, dialect)
    : describeSqlText(text, dialect);
  return { description, truncated: how.truncated };
}

/** Lets a name mean a statement, or nothing; the oldest names go when there are too many. */
export function rememberStatement(
  state: PostgresqlState,
  name: string,
  statement: Statement | undefined,
): void {
  const { statements } = state;
  const before = statements.get(name);
  if (before !== undefined) {
    state.statementChars -= sizeOf(before);
    statements.delete(name);
  }
  if (statement === undefined) return;
  statements.set(name, statement);
  state.statementChars += sizeOf(statement);
  for (const [oldest, evicted] of statements) {
    const fits =
      statements.size <= postgresqlLimits.statementsMax &&
      state.statementChars <= postgresqlLimits.statementCharsMax;
    if (fits) break;
    state.statementChars -= sizeOf(evicted);
    statements.delete(oldest);
    state.unconfirmed.delete(oldest);
  }
}

/** Parse of these names may have failed: what they mean is not known. */
export function forgetUnconfirmed(state: PostgresqlState): void {
  for (const name of state.unconfirmed) rememberStatement(state, name, undefined);
  state.unconfirmed.clear();
}

/** Lets a portal run a statement; undefined = one whose text is not known. */
export function rememberPortal(
  state: PostgresqlState,
  name: string,
  statement: Statement | undefined,
): void {
  const { portals } = state;
  portals.delete(name);
  portals.set(name, statement);
  if (portals.size <= postgresqlLimits.portalsMax) return;
  for (const oldest of portals.keys()) {
    portals.delete(oldest);
    return;
  }
}

/** After lost requests no name is certain: it may have been closed and prepared anew. */
export function forgetNames(state: PostgresqlState): void {
  state.statements.clear();
  state.statementChars = 0;
  state.unconfirmed.clear();
  state.portals.clear();
}

function sizeOf(statement: Statement): number {
  return statement.description.text.length + statement.description.summary.length;
}
