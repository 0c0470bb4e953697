/**
 * The prepared statements and portals of a connection. Invariant: both tables and the texts in them
 * stay within postgresqlLimits; what is evicted is forgotten, never mixed up.
 */
import {
  describePreparedSql,
  describeSqlText,
  postgresqlDialect,
  type SqlDescription,
  type SqlDialect,
} from "../sql/index.ts";
import { type PostgresqlState, postgresqlLimits, type Statement } from "./types.ts";

/** The parameter that says whether a backslash escapes a quote in a plain string. */
export const ESCAPES_PARAMETER = "standard_conforming_strings";

/** A text that is described when a span first asks for it: most of the work is not the parser's. */
class SqlStatement implements Statement {
  readonly truncated: boolean;
  readonly chars: number;
  readonly #dialect: SqlDialect;
  readonly #prepared: boolean;
  #text: string;
  #description: SqlDescription | undefined;

  constructor(text: string, dialect: SqlDialect, prepared: boolean, truncated: boolean) {
    this.#text = text;
    this.#dialect = dialect;
    this.#prepared = prepared;
    this.truncated = truncated;
    // The description that takes its place has a summary that is no longer than the text.
    this.chars = 2 * text.length;
  }

  get description(): SqlDescription {
    if (this.#description === undefined) {
      const describe = this.#prepared ? describePreparedSql : describeSqlText;
      this.#description = describe(this.#text, this.#dialect);
      this.#text = "";
    }
    return this.#description;
  }
}

/** The statement of a simple query's text, or of Parse's. */
export function statementOf(
  text: string,
  state: PostgresqlState,
  how: { readonly prepared: boolean; readonly truncated: boolean },
): Statement {
  // A text that changes the rule may hold strings of both kinds.
  const backslash = text.includes(ESCAPES_PARAMETER) ? "unknown" : state.backslash;
  return new SqlStatement(text, postgresqlDialect(backslash), how.prepared, how.truncated);
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
    state.statementChars -= before.chars;
    // The only one is the latest where it stands.
    if (statement === undefined || statements.size > 1) statements.delete(name);
  }
  if (statement === undefined) return;
  statements.set(name, statement);
  state.statementChars += statement.chars;
  if (!fits(state)) evict(state);
}

function fits({ statements, statementChars }: PostgresqlState): boolean {
  return (
    statements.size <= postgresqlLimits.statementsMax &&
    statementChars <= postgresqlLimits.statementCharsMax
  );
}

function evict(state: PostgresqlState): void {
  for (const [oldest, evicted] of state.statements) {
    if (fits(state)) return;
    state.statementChars -= evicted.chars;
    state.statements.delete(oldest);
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
  // The only one is the latest where it stands.
  if (portals.size > 1) portals.delete(name);
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
