import { describe, expect, test } from "bun:test";
import {
  describePreparedSql,
  describeSqlText,
  hasPlaceholders,
  postgresqlDialect,
  sanitizeSql,
  splitStatements,
  sqlDialects,
  sqlLimits,
  summarizeSql,
  traceparentOf,
} from "./index.ts";
import { SqlScanner, SqlToken } from "./scanner.ts";

const { postgresql } = sqlDialects;

const sanitized: readonly (readonly [text: string, expected: string])[] = [
  // Numbers, with the sign that touches them.
  ["SELECT 7, -7, +7", "SELECT ?, ?, ?"],
  ["SELECT 1.5, .25, -.5, 2.", "SELECT ?, ?, ?, ?"],
  ["SELECT 1.5e10, 2E-7, 3e+4", "SELECT ?, ?, ?"],
  ["SELECT 40+2", "SELECT ??"],
  ["SELECT a+2, b - 2", "SELECT a?, b - ?"],
  ["SELECT 0xFF, 0o17, 0b101, 1_000_000", "SELECT ?, ?, ?, ?"],
  ["SELECT 0xE-1", "SELECT ??"],
  ["SELECT 12abc", "SELECT ?"],
  ["SELECT data->5->>'key' #> '{a}'", "SELECT data->?->>? #> ?"],
  ["SELECT list[1:2]", "SELECT list[?:?]"],
  ["CREATE TABLE t (n varchar(255))", "CREATE TABLE t (n varchar(?))"],
  // Strings of all kinds.
  ["SELECT 'it''s', ''", "SELECT ?, ?"],
  ["SELECT 'two\nlines'", "SELECT ?"],
  ["SELECT E'it\\'s', e'\\\\'", "SELECT ?, ?"],
  ["SELECT E'a'\n'b\\'secret'", "SELECT ?\n?"],
  ["SELECT 'a\\', b", "SELECT ?, b"],
  ["SELECT U&'d\\0061t', u&'x'", "SELECT ?, ?"],
  ["SELECT B'101', x'1FF', N'text'", "SELECT ?, ?, ?"],
  ["SELECT $$it's$$, $q$a $$ b$q$", "SELECT ?, ?"],
  ["DO $body$ BEGIN SELECT 'x'; END $body$", "DO ?"],
  ["SELECT DATE '2020-01-02', INTERVAL '1 day'", "SELECT DATE ?, INTERVAL ?"],
  // Booleans are literals; NULL is not.
  ["SELECT true, FALSE, NULL, t.true, truest", "SELECT ?, ?, NULL, t.true, truest"],
  // What stays.
  ["SELECT c3po FROM covid19 WHERE n1 = 1", "SELECT c3po FROM covid19 WHERE n1 = ?"],
  ['SELECT "Order 66", a$1 FROM "t""1"', 'SELECT "Order 66", a$1 FROM "t""1"'],
  ["SELECT $1, $22 + 1", "SELECT $1, $22 + ?"],
  ["SELECT größe FROM straße7 WHERE x = 1", "SELECT größe FROM straße7 WHERE x = ?"],
  // Comments go, the white space around them stays.
  ["SELECT a -- 'secret'\nFROM /* 1 */ t", "SELECT a \nFROM  t"],
  ["SELECT/* 1 */a/* /* nested */ 'x' */FROM t", "SELECT a FROM t"],
  ["SELECT 1 --5", "SELECT ? "],
  // Broken text: what is open reaches to the end.
  ["SELECT 'secret", "SELECT ?"],
  ["SELECT E'secret\\'", "SELECT ?"],
  ["SELECT $$secret", "SELECT ?"],
  ["SELECT $tag$secret$tg$ 1", "SELECT ?"],
  ["SELECT \"open, 'secret'", "SELECT ?"],
  ["SELECT 1 /* 'secret", "SELECT ? "],
  ["SELECT 1 /* /* */ 'secret'", "SELECT ? "],
  ["SELECT $ 1 $x 2", "SELECT $ ? $x ?"],
  ["", ""],
];

describe("sanitizeSql", () => {
  test.each(sanitized)("%s", (text, expected) => {
    expect(sanitizeSql(text, postgresql)).toBe(expected);
  });

  test("backslash rules of the session", () => {
    const text = "SELECT 'it\\'s secret', 1";
    expect(sanitizeSql(text, postgresqlDialect("escape"))).toBe("SELECT ?, ?");
    expect(sanitizeSql(text, postgresqlDialect("unknown"))).toBe("SELECT ?");
    expect(sanitizeSql("SELECT 'a\\b', c", postgresqlDialect("unknown"))).toBe("SELECT ?, c");
  });

  test("no character of a literal gets out, wherever the text is cut", () => {
    const secret = "\u{1F511}QZ";
    const forms = [
      `'${secret}'`,
      `'a''${secret}'`,
      `E'\\'${secret}'`,
      `$$${secret}$$`,
      `$t$ $$ ${secret} $t$`,
      `U&'${secret}'`,
      `x'${secret}'`,
      `N'${secret}'`,
      `'x' 'y${secret}'`,
    ];
    for (const form of forms) {
      const text = `SELECT a, ${form}, "b" FROM t /* ${secret} */ WHERE c = ${form} -- ${secret}`;
      for (let end = 0; end <= text.length; end++) {
        const cut = text.slice(0, end);
        for (const backslash of ["literal", "unknown"] as const) {
          expect(sanitizeSql(cut, postgresqlDialect(backslash))).not.toContain("Q");
          expect(describeSqlText(cut, postgresqlDialect(backslash)).summary).not.toContain("Q");
        }
      }
    }
  });

  test("looks at a bounded part of the text", () => {
    const text = `SELECT ${"a, ".repeat(sqlLimits.textMax)}`;
    expect(sanitizeSql(text, postgresql).length).toBe(sqlLimits.textMax);
  });
});

describe("SqlScanner", () => {
  const hostile: readonly (readonly [name: string, unit: string])[] = [
    ["quotes", "'"],
    ["escaped quotes", "E'\\'"],
    ["double quotes", '"'],
    ["dollars", "$"],
    ["dollar tags", "$a"],
    ["dollar quotes", "$a$b"],
    ["open comments", "/*"],
    ["slashes", "*/"],
    ["line comments", "--"],
    ["signs and dots", "+.-"],
    ["exponents", "1e+"],
    ["backslashes", "'\\"],
    ["parentheses", "((("],
    ["words", "aé1 "],
  ];
  // Quadratic work on a megabyte takes hours; linear work takes milliseconds.
  test.each(hostile)("a megabyte of %s is walked once", (_name, unit) => {
    const text = unit.repeat(Math.ceil(2 ** 20 / unit.length));
    const scanner = new SqlScanner(text, postgresqlDialect("literal"));
    let end = 0;
    while (scanner.next()) {
      expect(scanner.start === end && scanner.end > end).toBe(true);
      end = scanner.end;
    }
    expect(end).toBe(text.length);
    splitStatements(`${text};x`, postgresql);
    summarizeSql(text, postgresql);
    traceparentOf(`${text}traceparent='`);
  });

  test("tokens cover the text", () => {
    for (const [text] of sanitized) {
      const scanner = new SqlScanner(text, postgresql);
      let joined = "";
      while (scanner.next()) joined += scanner.spelling;
      expect(joined).toBe(text);
    }
  });

  test("meaningful tokens", () => {
    const scanner = new SqlScanner(" /* x */ SELECT -- y\n 1", postgresql);
    expect(scanner.nextMeaningful() && scanner.spelling).toBe("SELECT");
    expect(scanner.nextMeaningful() && scanner.kind).toBe(SqlToken.number);
    expect(scanner.nextMeaningful()).toBe(false);
  });
});

const summaries: readonly (readonly [text: string, expected: string])[] = [
  ["SELECT * FROM songs", "SELECT songs"],
  ["sElEcT a FROM Songs", "sElEcT Songs"],
  ["SELECT 1", "SELECT"],
  ["SELECT * FROM songs, artists a", "SELECT songs artists"],
  ["SELECT * FROM a JOIN b USING (id) LEFT JOIN c ON c.x = b.x, d", "SELECT a b c d"],
  ['SELECT * FROM "song list", music."Top 10"', 'SELECT "song list" music."Top 10"'],
  [
    "SELECT x FROM (SELECT * FROM orders o JOIN customers c ON true) s",
    "SELECT SELECT orders customers",
  ],
  ["SELECT * FROM a WHERE id IN (SELECT id FROM b)", "SELECT a SELECT b"],
  ["SELECT a FROM t UNION ALL SELECT b FROM u", "SELECT t u"],
  ["(SELECT a FROM t) EXCEPT (SELECT b FROM u)", "SELECT t SELECT u"],
  ["SELECT extract(year FROM d), trim(both 'x' from e) FROM t", "SELECT t"],
  ["SELECT a IS DISTINCT FROM b FROM t", "SELECT t"],
  ["SELECT * FROM t FOR UPDATE", "SELECT t"],
  ["SELECT update, 1 AS delete FROM t", "SELECT t"],
  ["SELECT * FROM (VALUES (1, 2)) v", "SELECT"],
  ["SELECT * FROM ONLY t, LATERAL (SELECT * FROM u) s", "SELECT t SELECT u"],
  ["SELECT * INTO t2 FROM t1", "SELECT t2 t1"],
  ["INSERT INTO x VALUES (1, 'y')", "INSERT x"],
  ["INSERT INTO x (a) SELECT b FROM y WHERE c = 1", "INSERT x SELECT y"],
  ["INSERT INTO x VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", "INSERT x"],
  ["UPDATE t SET a = 1 FROM u WHERE t.b = u.b", "UPDATE t u"],
  ["DELETE FROM t USING u WHERE t.a = u.a", "DELETE t u"],
  ["MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = 1", "MERGE t s"],
  [
    "WITH c AS (SELECT * FROM a), d (x) AS (SELECT 1) SELECT * FROM c, d, e",
    "SELECT a SELECT SELECT e",
  ],
  ["WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT * FROM r", "SELECT SELECT"],
  ["CREATE TABLE IF NOT EXISTS t (a int)", "CREATE TABLE t"],
  ["CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX i"],
  ["CREATE OR REPLACE VIEW v AS SELECT * FROM t", "CREATE VIEW v"],
  ["ALTER TABLE t ADD COLUMN a int", "ALTER TABLE t"],
  ["DROP TABLE IF EXISTS t", "DROP TABLE t"],
  ["TRUNCATE TABLE ONLY t", "TRUNCATE t"],
  ["COPY t (a) FROM STDIN", "COPY t"],
  ["COPY (SELECT * FROM t) TO STDOUT", "COPY SELECT t"],
  ["CALL do_it(1)", "CALL do_it"],
  ["VACUUM (FULL, ANALYZE) t", "VACUUM t"],
  ["EXPLAIN (ANALYZE) SELECT * FROM t", "EXPLAIN SELECT t"],
  ["EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN DELETE t"],
  // Names that programs make up as they go do not belong into a summary.
  ["DECLARE c_1234 CURSOR FOR SELECT * FROM t", "DECLARE SELECT t"],
  ["FETCH 100 FROM c_1234", "FETCH"],
  ["SAVEPOINT s140_x1", "SAVEPOINT"],
  ["PREPARE p_77 (int) AS UPDATE t SET a = $1", "PREPARE UPDATE t"],
  ["EXECUTE p_77 (1)", "EXECUTE"],
  ["SET search_path TO x", "SET"],
  ["START TRANSACTION READ ONLY", "START TRANSACTION"],
  ["BEGIN", "BEGIN"],
  ["/* hint */ SELECT 1", "SELECT"],
  ["SELECT * FROM 'literal', t", "SELECT t"],
  [" ; ", ""],
  ["'x'", ""],
];

describe("summarizeSql", () => {
  test.each(summaries)("%s", (text, expected) => {
    expect(summarizeSql(text, postgresql)).toBe(expected);
  });

  test("is cut between words", () => {
    const long = "t".repeat(sqlLimits.summaryCharsMax);
    expect(summarizeSql(`SELECT * FROM ${long}, u`, postgresql)).toBe("SELECT");
    const tables = Array.from({ length: 100 }, (_, index) => `table_${index}`);
    const summary = summarizeSql(`SELECT * FROM ${tables.join(", ")}`, postgresql);
    expect(summary.length).toBeLessThanOrEqual(sqlLimits.summaryCharsMax);
    expect(summary).toBe(["SELECT", ...tables].join(" ").slice(0, summary.length));
    expect(summary.endsWith(` table_${summary.split(" ").length - 2}`)).toBe(true);
  });
});

describe("splitStatements", () => {
  const cases: readonly (readonly [text: string, statements: readonly string[]])[] = [
    ["SELECT 1", ["SELECT 1"]],
    ["SELECT 1;", ["SELECT 1;"]],
    ["SELECT 1; SELECT 2;", ["SELECT 1", " SELECT 2"]],
    ["; ;SELECT ';' -- ;\n;", ["SELECT ';' -- ;\n"]],
    ["", []],
    [" /* nothing */ ;", []],
    ["DO $$ a; b $$; SELECT 1", ["DO $$ a; b $$", " SELECT 1"]],
    [
      "CREATE RULE r AS ON INSERT TO t DO (a; b); c",
      ["CREATE RULE r AS ON INSERT TO t DO (a; b)", " c"],
    ],
    [
      "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN b END; SELECT 2; END; SELECT 3",
      [
        "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN b END; SELECT 2; END",
        " SELECT 3",
      ],
    ],
    ["BEGIN; SELECT 1; END", ["BEGIN", " SELECT 1", " END"]],
  ];
  test.each(cases)("%s", (text, statements) => {
    expect(splitStatements(text, postgresql)).toEqual([...statements]);
  });
});

describe("descriptions", () => {
  test("of one statement, read once, say what its readers say one by one", () => {
    const blank = ["", ";", " -- x", "/* x */;"];
    for (const text of [...sanitized.map(([text]) => text), ...blank]) {
      for (const dialect of Object.values(sqlDialects)) {
        const [first, ...others] = splitStatements(text, dialect);
        if (others.length > 0) continue;
        const said =
          first === undefined
            ? { text: "", summary: "", statements: 0 }
            : {
                text: sanitizeSql(text, dialect),
                summary: summarizeSql(first, dialect),
                statements: 1,
              };
        expect(describeSqlText(text, dialect)).toEqual(said);
        const isKept = hasPlaceholders(text, dialect);
        const prepared = isKept
          ? { text, summary: summarizeSql(text, dialect), statements: 1 }
          : said;
        expect(describePreparedSql(text, dialect)).toEqual(prepared);
      }
    }
  });

  test("of batches", () => {
    expect(
      describeSqlText("INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)", postgresql),
    ).toEqual({
      text: "INSERT INTO a VALUES (?)",
      summary: "BATCH INSERT a",
      statements: 2,
    });
    expect(describeSqlText("BEGIN; SELECT 'a;b';", postgresql)).toEqual({
      text: "BEGIN; SELECT ?",
      summary: "BATCH",
      statements: 2,
    });
    expect(describeSqlText(" ; ", postgresql)).toEqual({ text: "", summary: "", statements: 0 });
    const long = `INSERT INTO ${"t".repeat(sqlLimits.summaryCharsMax - 8)} VALUES (1);`;
    expect(describeSqlText(long.repeat(2), postgresql).summary).toBe("BATCH");
  });

  test("parameterised text is left as it is, other text is not", () => {
    const text = "SELECT 'x' FROM t WHERE a = $1";
    expect(describePreparedSql(text, postgresql)).toEqual({
      text,
      summary: "SELECT t",
      statements: 1,
    });
    expect(describePreparedSql("SELECT 'x $1'", postgresql).text).toBe("SELECT ?");
    expect(hasPlaceholders("SELECT a$1, '$1', $$ $1 $$ -- $1", postgresql)).toBe(false);
    expect(hasPlaceholders("SELECT $2", postgresql)).toBe(true);
  });
});

describe("traceparentOf", () => {
  const value = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const comment = `/*traceparent='${value}',tracestate='a%3Db'*/`;
  test.each([
    [`SELECT 1 ${comment}`, value],
    [`SELECT 1 ${comment} ;\n`, value],
    [`SELECT '${comment}'`, undefined],
    [`${comment} SELECT 1`, undefined],
    [`SELECT '${comment}' /* other */`, undefined],
    [`SELECT 1 /*traceparent='${value}*/`, undefined],
    [`SELECT 1 /*${"x".repeat(2000)}traceparent='${value}'*/`, undefined],
    ["SELECT 1", undefined],
  ])("%s", (text, expected) => {
    expect(traceparentOf(text)).toBe(expected);
  });
});
