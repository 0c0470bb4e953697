/** What differs between the dialects; sql.test.ts has what they share, by PostgreSQL's rules. */
import { describe, expect, test } from "bun:test";
import {
  countPlaceholders,
  describePreparedSql,
  describeSqlText,
  hasPlaceholders,
  mysqlDialect,
  type SqlDialect,
  sanitizeSql,
  splitStatements,
  sqlDialects,
  summarizeSql,
} from "./index.ts";
import { SqlScanner } from "./scanner.ts";

const { postgresql, mysql, sqlite, cql, other } = sqlDialects;
const everyDialect: readonly SqlDialect[] = [
  ...Object.values(sqlDialects),
  ...(["literal", "escape", "unknown"] as const).flatMap((backslash) => [
    mysqlDialect(backslash, "string"),
    mysqlDialect(backslash, "identifier"),
  ]),
];

type Case = readonly [dialect: SqlDialect, text: string, expected: string];

const sanitized: readonly Case[] = [
  // MySQL and MariaDB.
  [mysql, 'SELECT "it""s", `a``b` FROM `t 1`', "SELECT ?, `a``b` FROM `t 1`"],
  [mysql, "SELECT 'it\\'s', \"a\\\"b\", c", "SELECT ?, ?, c"],
  [mysql, "SELECT 0xFF, x'1F', 0b11, b'11', N'n', _utf8mb4'u'", "SELECT ?, ?, ?, ?, ?, _utf8mb4?"],
  [mysql, "SELECT 1 # 'secret'\nFROM t", "SELECT ? \nFROM t"],
  [mysql, "SELECT 1 -- secret\nFROM t", "SELECT ? \nFROM t"],
  [mysql, "SELECT 5--1", "SELECT ?-?"],
  [mysql, "SELECT 1 /* /* x */ 'a' */ b", "SELECT ?  ? */ b"],
  [mysql, "/*!40101 SET NAMES 'utf8' */", " SET NAMES ? "],
  [mysql, "SELECT /*M!100201 a, */ b", "SELECT  a,  b"],
  [mysql, "SELECT /*+ NO_INDEX(t) */ 1", "SELECT  ?"],
  // Whether the server executes such a comment decides where the string ends.
  [mysql, "/*!99999 it's */ SELECT 'secret'", " it?"],
  [mysql, "SELECT $1, @a, @@global.x, @'a b'", "SELECT $?, @a, @@global.x, @?"],
  [mysql, "SELECT `open, 'secret'", "SELECT ?"],
  [mysql, "SELECT a FROM t WHERE b = ?", "SELECT a FROM t WHERE b = ?"],
  [mysqlDialect("literal", "string"), "SELECT 'a\\', b", "SELECT ?, b"],
  [mysqlDialect("unknown", "string"), "SELECT 'a\\', b", "SELECT ?"],
  [mysqlDialect("unknown", "string"), 'SELECT "a\\", b', "SELECT ?"],
  [mysqlDialect("escape", "identifier"), 'SELECT "a b" FROM "t"', 'SELECT "a b" FROM "t"'],
  // SQLite.
  [sqlite, "SELECT [a b], `c`, \"d\", x'1F' FROM t", 'SELECT [a b], `c`, "d", ? FROM t'],
  [sqlite, "SELECT 'a\\', b -- x", "SELECT ?, b "],
  [sqlite, "SELECT [open, 'secret'", "SELECT ?"],
  // CQL.
  [
    cql,
    "SELECT a FROM k.t WHERE id = f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "SELECT a FROM k.t WHERE id = ?",
  ],
  [
    cql,
    "SELECT a FROM t WHERE id = 123e4567-e89b-12d3-a456-426614174000;",
    "SELECT a FROM t WHERE id = ?;",
  ],
  [
    cql,
    "INSERT INTO t (d, e) VALUES (1h30m, P3Y6M, P2020-01-02T03:04:05)",
    "INSERT INTO t (d, e) VALUES (?, ?, ?)",
  ],
  [
    cql,
    "UPDATE t SET n = NaN, i = -infinity, nano = 0xCAFE",
    "UPDATE t SET n = ?, i = -?, nano = ?",
  ],
  [cql, "SELECT a // 'secret'\nFROM t -- x\n", "SELECT a \nFROM t \n"],
  [cql, "SELECT $$it's$$, 'it''s', 'a\\' FROM \"T\"", 'SELECT ?, ?, ? FROM "T"'],
  [
    cql,
    "INSERT INTO t (m) VALUES ({'a': 1, 'b': true})",
    "INSERT INTO t (m) VALUES ({?: ?, ?: ?})",
  ],
  [cql, "SELECT pay, infinity2 FROM nanny", "SELECT pay, infinity2 FROM nanny"],
  // Not known: what may be a literal is one.
  [other, "SELECT q'[it's]', nq'!a'b!', q'xabcx' FROM t", "SELECT ?, ?, ? FROM t"],
  [other, "SELECT \"a\", `b`, $x$c$x$, E'\\'d'", "SELECT ?, `b`, ?, ?"],
  [other, "SELECT q'[open", "SELECT ?"],
];

test.each(sanitized)("sanitized %#: $text", (dialect, text, expected) => {
  expect(sanitizeSql(text, dialect)).toBe(expected);
});

const summaries: readonly Case[] = [
  [mysql, "SELECT * FROM `songs` s, `my db`.`t`", "SELECT `songs` `my db`.`t`"],
  [mysql, "INSERT t VALUES (1)", "INSERT t"],
  [
    mysql,
    "INSERT IGNORE INTO t (a) SELECT b FROM u ON DUPLICATE KEY UPDATE a = 1",
    "INSERT t SELECT u",
  ],
  [mysql, "REPLACE INTO t VALUES (1)", "REPLACE t"],
  [mysql, "REPLACE LOW_PRIORITY t SET a = 1", "REPLACE t"],
  [mysql, "SELECT (REPLACE(a, 'x', 'y')), INSERT(a, 1, 2, 'b') FROM t", "SELECT t"],
  [mysql, "UPDATE LOW_PRIORITY a, b SET a.x = b.x", "UPDATE a b"],
  [mysql, "DELETE a FROM a JOIN b USING (id)", "DELETE a b"],
  [mysql, "SELECT * FROM a STRAIGHT_JOIN b", "SELECT a b"],
  [mysql, "SELECT STRAIGHT_JOIN x FROM a", "SELECT a"],
  [mysql, "SELECT * FROM a USE INDEX FOR JOIN (i)", "SELECT a"],
  [mysql, "SELECT a INTO OUTFILE '/x' FROM t", "SELECT t"],
  [mysql, "SELECT a INTO @x FROM t", "SELECT t"],
  [mysql, "LOAD DATA LOCAL INFILE 'x' REPLACE INTO TABLE t (a)", "LOAD DATA t"],
  [mysql, "ANALYZE TABLE t", "ANALYZE t"],
  [mysql, "ANALYZE SELECT * FROM t", "ANALYZE SELECT t"],
  [mysql, "OPTIMIZE LOCAL TABLE t", "OPTIMIZE t"],
  [mysql, "RENAME TABLE a TO b", "RENAME TABLE a"],
  [mysql, "LOCK TABLES a WRITE", "LOCK a"],
  [mysql, "USE shop", "USE shop"],
  [mysql, 'SELECT * FROM "literal"', "SELECT"],
  [mysql, "/*!40000 ALTER TABLE `t` DISABLE KEYS */", "ALTER TABLE `t`"],
  [mysql, "SHOW TABLES", "SHOW"],
  [mysql, "CREATE DEFINER=`a`@`b` PROCEDURE p() SELECT 1", "CREATE PROCEDURE p"],
  [sqlite, "SELECT * FROM [my table] JOIN `b`", "SELECT [my table] `b`"],
  [cql, "SELECT * FROM k.t WHERE a = ? ALLOW FILTERING", "SELECT k.t"],
  [cql, "INSERT INTO t (a) VALUES (1) USING TTL 5", "INSERT t"],
  [cql, "UPDATE t USING TTL 5 SET a = 1 WHERE b = 2", "UPDATE t"],
  [cql, "CREATE KEYSPACE k WITH replication = {'class': 'x'}", "CREATE KEYSPACE k"],
  [cql, "DELETE a FROM t WHERE b = 1", "DELETE t"],
];

test.each(summaries)("summary %#: $text", (dialect, text, expected) => {
  expect(summarizeSql(text, dialect)).toBe(expected);
});

describe("statements", () => {
  const routine =
    "CREATE PROCEDURE p() BEGIN IF a THEN SELECT 1; END IF; CASE b WHEN 1 THEN SELECT 2; END CASE; END";
  test.each([
    [mysql, `${routine}; SELECT 3`, [routine, " SELECT 3"]],
    [mysql, "BEGIN; SELECT 1; COMMIT", ["BEGIN", " SELECT 1", " COMMIT"]],
    [
      mysql,
      "BEGIN NOT ATOMIC SELECT 1; END; SELECT 2",
      ["BEGIN NOT ATOMIC SELECT 1; END", " SELECT 2"],
    ],
    [mysql, "SELECT ';' # ;\n; SELECT 2", ["SELECT ';' # ;\n", " SELECT 2"]],
    [mysql, "# nothing", []],
    [
      cql,
      "BEGIN UNLOGGED BATCH USING TIMESTAMP 5 INSERT INTO a (b) VALUES (1); DELETE c FROM d WHERE e = 2 APPLY BATCH;",
      ["INSERT INTO a (b) VALUES (1)", "DELETE c FROM d WHERE e = 2"],
    ],
    [cql, "SELECT 1; ", ["SELECT 1; "]],
    [cql, "BEGIN BATCH APPLY BATCH", ["BEGIN BATCH APPLY BATCH"]],
  ] as const)("%#", (dialect, text, statements) => {
    expect(splitStatements(text, dialect)).toEqual([...statements]);
  });

  test("a CQL batch is described as one", () => {
    const text =
      "BEGIN BATCH INSERT INTO a (b) VALUES (1); INSERT INTO a (b) VALUES (2); APPLY BATCH";
    expect(describeSqlText(text, cql)).toEqual({
      text: "INSERT INTO a (b) VALUES (?)",
      summary: "BATCH INSERT a",
      statements: 2,
    });
  });
});

test.each([
  [mysql, "SELECT '?' FROM `?` # ?", false],
  [mysql, "SELECT ?", true],
  [mysql, "SELECT :a, $1, @a", false],
  [sqlite, "SELECT :a", true],
  [sqlite, "SELECT @a", true],
  [sqlite, "SELECT $a", false],
  [sqlite, "SELECT ?12", true],
  [cql, "SELECT a FROM t WHERE b = :b", true],
  [cql, "SELECT a FROM t WHERE b = ?", true],
  [cql, "INSERT INTO t (u) VALUES ({a:uuid(), b :now()})", false],
  [postgresql, "SELECT ?", false],
] as const)("placeholders %#: %s", (dialect, text, expected) => {
  expect(hasPlaceholders(text, dialect)).toBe(expected);
});

test("a prepared text without parameters hides its literals", () => {
  const described = describePreparedSql("SELECT 'x' FROM t", mysql);
  expect(described).toEqual({ text: "SELECT ? FROM t", summary: "SELECT t", statements: 1 });
  const parameterised = "SELECT 'x' FROM t WHERE a = ?";
  expect(describePreparedSql(parameterised, mysql).text).toBe(parameterised);
});

describe("no character of a literal gets out", () => {
  const secret = "\u{1F511}QZ";
  const shared = [`'${secret}'`, `'a''${secret}'`];
  const forms: readonly (readonly [SqlDialect, readonly string[]])[] = [
    [
      mysql,
      [
        ...shared,
        `"${secret}"`,
        `'\\'${secret}'`,
        `"\\"${secret}"`,
        `x'${secret}'`,
        `_utf8'${secret}'`,
      ],
    ],
    [mysqlDialect("literal", "string"), [...shared, `"${secret}"`, `'\\${secret}'`]],
    [mysqlDialect("unknown", "string"), [...shared, `'\\'${secret}'`, `'\\' ${secret}`]],
    [sqlite, [...shared, `x'${secret}'`]],
    [cql, [...shared, `$$'${secret}$$`]],
    [other, [...shared, `"${secret}"`, `q'[${secret}]'`, `$t$${secret}$t$`, `E'\\'${secret}'`]],
  ];
  test.each(forms)("%#", (dialect, literals) => {
    const line = dialect.hashComments ? `# ${secret}\n` : `-- ${secret}\n`;
    for (const form of literals) {
      const text = `SELECT a, ${form} FROM t ${line} WHERE /* ${secret} */ c = ${form} ${line}`;
      for (let end = 0; end <= text.length; end++) {
        const described = describeSqlText(text.slice(0, end), dialect);
        expect(described.text).not.toContain("Q");
        expect(described.summary).not.toContain("Q");
      }
    }
  });
});

/** A text that counts how many of its characters are looked at. */
class CountedText {
  readonly #text: string;
  looked = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get length(): number {
    return this.#text.length;
  }

  charCodeAt(index: number): number {
    this.looked++;
    return this.#text.charCodeAt(index);
  }

  charAt(index: number): string {
    this.looked++;
    return this.#text.charAt(index);
  }

  indexOf(part: string, from = 0): number {
    const found = this.#text.indexOf(part, from);
    this.looked += part.length + (found < 0 ? this.#text.length : found) - from;
    return found;
  }

  slice(start: number, end: number): string {
    this.looked += Math.max(0, Math.min(end, this.#text.length) - start);
    return this.#text.slice(start, end);
  }
}

/** No reading looks at one character more often than this, all ways of looking counted. */
const LOOKS_MAX = 12;

test("every character is looked at a bounded number of times, whatever the text is", () => {
  const units = [
    ...[
      "'",
      '"',
      "`",
      "[",
      "]",
      "$",
      "$a",
      "$a$b",
      "$$",
      "/*",
      "*/",
      "/*!",
      "/*!1",
      "--",
      "-- ",
      "#",
    ],
    ...[
      "//",
      "+.-",
      "1e+",
      "'\\",
      '"\\',
      "(((",
      "aé1 ",
      "?",
      ":",
      ":a",
      "@",
      "@a",
      "q'[",
      "nq'",
      "E'\\'",
    ],
    ...[
      "/*! 'a' */",
      "/*! '*/'",
      "P1",
      "P1Y",
      "n",
      "nan",
      "12345678-",
      "a\n'b'",
      "U&'",
      ";",
      "x'",
      "/*M!",
    ],
  ];
  for (const dialect of everyDialect) {
    for (const unit of units) {
      for (const size of [2_000, 20_000]) {
        const counted = new CountedText(unit.repeat(size));
        const scanner = new SqlScanner(counted as unknown as string, dialect);
        let end = 0;
        while (scanner.next()) {
          if (scanner.start !== end || scanner.end <= end)
            expect([unit, scanner.start]).toEqual([unit, end + 1]);
          end = scanner.end;
        }
        expect([unit, end]).toEqual([unit, counted.length]);
        const looks = counted.looked / counted.length;
        expect([dialect.name, unit, looks < LOOKS_MAX]).toEqual([dialect.name, unit, true]);
      }
    }
  }
});

test("placeholders are counted outside of strings, identifiers and comments", () => {
  const text = "INSERT INTO t (a, `?`) VALUES (?, '?', \"?\", ?) -- ?\n/* ? */ # ?";
  expect(countPlaceholders(text, sqlDialects.mysql)).toBe(2);
  expect(countPlaceholders("SELECT 1", sqlDialects.mysql)).toBe(0);
});
