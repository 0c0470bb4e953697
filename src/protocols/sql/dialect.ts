/**
 * How the text of each SQL dialect is to be read. Invariant: where servers or settings differ and
 * nobody can tell which of them is at work, a dialect chooses the reading that hides more.
 */

/** What a backslash in a string is. unknown: where one stands before a quote, nobody can tell. */
export type Backslash = "literal" | "escape" | "unknown";

export interface SqlDialect {
  readonly name: "postgresql" | "mysql" | "sqlite" | "cql" | "other";
  /**
   * In plain strings. unknown: a string with a backslash before a quote reaches to the end of the
   * text, because its own end cannot be told.
   */
  readonly backslash: Backslash;
  readonly doubleQuotes: "identifier" | "string";
  readonly backticks: boolean;
  /** [a name] */
  readonly brackets: boolean;
  /** Letters that make one token with a quote behind them: x'1F'. */
  readonly stringPrefixes: string;
  /** E'a\'b' and U&'…', and a string that goes on behind a line's end with the same rules. */
  readonly escapeStrings: boolean;
  /** q'[it's]' */
  readonly chosenDelimiters: boolean;
  /** tagged: $$…$$ and $tag$…$tag$. plain: $$…$$ only. */
  readonly dollarQuotes: "tagged" | "plain" | "none";
  readonly hashComments: boolean;
  /** // to the end of the line. */
  readonly slashComments: boolean;
  /** Two dashes begin a comment only before white space. */
  readonly spacedDashes: boolean;
  readonly nestedComments: boolean;
  /** What stands in a comment that begins with an exclamation mark is executed. */
  readonly executableComments: boolean;
  /** UUIDs, durations and NaN are written without quotes. */
  readonly bareValues: boolean;
  /** $1, or ?, or ? and :name, or all of these with @name. */
  readonly placeholders: "dollar" | "question" | "named" | "any";
}

const standard: SqlDialect = {
  name: "other",
  backslash: "literal",
  doubleQuotes: "identifier",
  backticks: false,
  brackets: false,
  stringPrefixes: "bxn",
  escapeStrings: false,
  chosenDelimiters: false,
  dollarQuotes: "none",
  hashComments: false,
  slashComments: false,
  spacedDashes: false,
  nestedComments: false,
  executableComments: false,
  bareValues: false,
  placeholders: "question",
};

const postgresqlBase: SqlDialect = {
  ...standard,
  name: "postgresql",
  escapeStrings: true,
  dollarQuotes: "tagged",
  nestedComments: true,
  placeholders: "dollar",
};

const mysqlBase: SqlDialect = {
  ...standard,
  name: "mysql",
  backslash: "escape",
  doubleQuotes: "string",
  backticks: true,
  hashComments: true,
  spacedDashes: true,
  executableComments: true,
};

const postgresqlDialects: Readonly<Record<Backslash, SqlDialect>> = {
  literal: postgresqlBase,
  escape: { ...postgresqlBase, backslash: "escape" },
  unknown: { ...postgresqlBase, backslash: "unknown" },
};

/**
 * PostgreSQL (manual, section 4.1, "Lexical Structure"). A backslash is literal unless
 * standard_conforming_strings is off.
 */
export function postgresqlDialect(backslash: Backslash): SqlDialect {
  return postgresqlDialects[backslash];
}

const mysqlDialects: Readonly<Record<SqlDialect["doubleQuotes"], Record<Backslash, SqlDialect>>> = {
  string: mysqlVariants("string"),
  identifier: mysqlVariants("identifier"),
};

function mysqlVariants(doubleQuotes: SqlDialect["doubleQuotes"]): Record<Backslash, SqlDialect> {
  const base = { ...mysqlBase, doubleQuotes };
  return {
    escape: base,
    literal: { ...base, backslash: "literal" },
    unknown: { ...base, backslash: "unknown" },
  };
}

/**
 * MySQL and MariaDB (MySQL manual, chapter "Language Structure"). The SQL modes
 * NO_BACKSLASH_ESCAPES and ANSI_QUOTES make a backslash literal and double quotes identifiers.
 */
export function mysqlDialect(
  backslash: Backslash,
  doubleQuotes: SqlDialect["doubleQuotes"],
): SqlDialect {
  return mysqlDialects[doubleQuotes][backslash];
}

/** Each dialect with the settings that its servers have by default. */
export const sqlDialects = {
  postgresql: postgresqlBase,
  mysql: mysqlBase,
  /** SQLite (sqlite.org, "The Tokenizer" of "SQLite Keywords" and "SQL Syntax"). */
  sqlite: {
    ...standard,
    name: "sqlite",
    backticks: true,
    brackets: true,
    stringPrefixes: "x",
    placeholders: "any",
  },
  /** Cassandra's query language 3 (its documentation, section "Definitions"). */
  cql: {
    ...standard,
    name: "cql",
    stringPrefixes: "",
    dollarQuotes: "plain",
    slashComments: true,
    bareValues: true,
    placeholders: "named",
  },
  /** A server whose dialect is not known: whatever may be a literal in one of them is one. */
  other: {
    ...standard,
    backslash: "unknown",
    doubleQuotes: "string",
    backticks: true,
    escapeStrings: true,
    chosenDelimiters: true,
    dollarQuotes: "tagged",
    bareValues: true,
    placeholders: "any",
  },
} as const satisfies Readonly<Record<string, SqlDialect>>;
