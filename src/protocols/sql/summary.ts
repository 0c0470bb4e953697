/**
 * Says in a few words what a statement does and to what: "SELECT orders customers". Invariant: a
 * summary consists of key words and identifiers of the text only; no literal and no name that
 * programs make up as they go (cursors, savepoints, prepared statements) is ever in it.
 */
import type { SqlDialect } from "./dialect.ts";
import { Keywords } from "./keywords.ts";
import { sqlLimits } from "./limits.ts";
import type { Sanitizer } from "./sanitize.ts";
import { SqlScanner, SqlToken } from "./scanner.ts";

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(" "));
}

/** Where one of these stands at the beginning of a statement, its targets are looked for. */
const queryVerbs = words("SELECT INSERT REPLACE UPDATE DELETE MERGE VALUES TABLE");
/** These name one object right after themselves. */
const namingVerbs = words(
  "CALL EXEC COPY TRUNCATE LOCK VACUUM ANALYZE CLUSTER OPTIMIZE CHECK REPAIR CHECKSUM USE",
);
const definitionVerbs = words("CREATE ALTER DROP REFRESH REINDEX COMMENT RENAME");
const objectTypes = words(
  "TABLE INDEX VIEW DATABASE SCHEMA SEQUENCE FUNCTION PROCEDURE ROUTINE TRIGGER USER ROLE GROUP " +
    "TYPE DOMAIN EXTENSION POLICY RULE AGGREGATE COLLATION SERVER TABLESPACE PUBLICATION " +
    "SUBSCRIPTION LANGUAGE STATISTICS COLUMN CONSTRAINT SYSTEM EVENT PACKAGE KEYSPACE",
);
/** Words between a verb and the name it is about. */
const nameFillers = words(
  "IF NOT EXISTS CONCURRENTLY ONLY ON INTO FROM TABLE TEMP TEMPORARY UNLOGGED FULL FREEZE " +
    "VERBOSE ANALYZE LATERAL TABLES LOCAL NO_WRITE_TO_BINLOG BODY",
);
/** Words between FROM, JOIN, INTO or USING and a table. */
const tableFillers = words("ONLY LATERAL TEMP TEMPORARY UNLOGGED");
/** Words after which the comma-separated list of tables is over. */
const listEnders = words(
  "WHERE GROUP ORDER HAVING WINDOW LIMIT OFFSET FETCH FOR RETURNING SET UNION INTERSECT " +
    "EXCEPT WHEN",
);
/** The same in MySQL, where they may also stand between INSERT or UPDATE and its table. */
const mysqlFillers = words("TABLE LOW_PRIORITY DELAYED HIGH_PRIORITY IGNORE INTO");
/** What INTO leads to instead of a table. */
const mysqlTargets = words("OUTFILE DUMPFILE");
/** In MySQL also names of functions. */
const functionVerbs = words("INSERT REPLACE VALUES");
const setOperators = words("UNION INTERSECT EXCEPT");

/** Every word with which run() and #query() begin something. */
const firstWords = new Keywords([
  ...[...queryVerbs, ...namingVerbs, ...definitionVerbs],
  ...["LOAD", "WITH", "START", "EXPLAIN", "PREPARE", "DECLARE"],
]);

/** Every word that #word() asks for. */
const keywords = new Keywords([
  ...[...queryVerbs, ...tableFillers, ...listEnders, ...mysqlFillers, ...mysqlTargets],
  ...[
    ...setOperators,
    "FROM",
    "JOIN",
    "STRAIGHT_JOIN",
    "AS",
    "ALL",
    "DISTINCT",
    "ANALYZE",
    "USING",
  ],
]);

/** What is known of one level of parentheses. */
interface Level {
  /** FROM, INTO and USING name tables here: a query's verb has been seen. */
  inQuery: boolean;
  /** A table or an opening parenthesis comes next. */
  expectsTable: boolean;
  /** A comma is followed by another table. */
  inList: boolean;
  /** A verb may begin a statement here. */
  mayBegin: boolean;
}

/**
 * Summary of one statement, in the text's own spelling, at most sqlLimits.summaryCharsMax
 * characters, cut between words. "" when the text has no word.
 * Source: OpenTelemetry semantic conventions, "Generating a summary of the query".
 */
export function summarizeSql(text: string, dialect: SqlDialect): string {
  const cut = text.length > sqlLimits.textMax ? text.slice(0, sqlLimits.textMax) : text;
  return new Summarizer(new SqlScanner(cut, dialect), undefined).run();
}

/** The same of a text within that limit; the sanitizer sees all of its tokens on the way. */
export function summarizeSeen(text: string, dialect: SqlDialect, sanitizer: Sanitizer): string {
  const scanner = new SqlScanner(text, dialect);
  const summary = new Summarizer(scanner, sanitizer).run();
  while (scanner.nextVisible()) sanitizer.see(scanner);
  return summary;
}

class Summarizer {
  readonly #scanner: SqlScanner;
  readonly #sanitizer: Sanitizer | undefined;
  #summary = "";
  #full = false;
  /** Upper-case word before the current token; "" when that was no word. */
  #previous = "";
  /** The scanner already stands on the next token. */
  #peeked = false;
  #level: Level = newLevel(true);
  readonly #outer: Level[] = [];
  /** Names that WITH gives to sub-queries: not tables. */
  #commonNames: Set<string> | undefined;
  #with = false;
  readonly #dialect: SqlDialect["name"];

  constructor(scanner: SqlScanner, sanitizer: Sanitizer | undefined) {
    this.#scanner = scanner;
    this.#sanitizer = sanitizer;
    this.#dialect = scanner.dialect.name;
  }

  run(): string {
    if (!this.#next()) return "";
    while (this.#scanner.code === 0x28 || this.#scanner.code === 0x3b) {
      if (!this.#next()) return "";
    }
    if (this.#scanner.kind !== SqlToken.word) return "";
    const { text, start, end } = this.#scanner;
    const verb = firstWords.at(text, start, end);
    if (definitionVerbs.has(verb)) this.#definition(this.#scanner.spelling);
    else if (namingVerbs.has(verb)) this.#naming(this.#scanner.spelling);
    else if (this.#dialect === "mysql" && verb === "LOAD") this.#load(this.#scanner.spelling);
    else this.#query(verb);
    return this.#summary;
  }

  #next(): boolean {
    if (this.#peeked) {
      this.#peeked = false;
      return true;
    }
    const scanner = this.#scanner;
    const sanitizer = this.#sanitizer;
    if (sanitizer === undefined) return scanner.nextMeaningful();
    while (scanner.nextVisible()) {
      sanitizer.see(scanner);
      if (scanner.kind !== SqlToken.comment) return true;
    }
    return false;
  }

  #add(spelling: string): void {
    const length = this.#summary.length + (this.#summary === "" ? 0 : 1) + spelling.length;
    if (length > sqlLimits.summaryCharsMax) this.#full = true;
    if (this.#full) return;
    this.#summary += this.#summary === "" ? spelling : ` ${spelling}`;
  }

  /** CREATE UNIQUE INDEX IF NOT EXISTS name → CREATE INDEX name; what follows says no more. */
  #definition(verb: string): void {
    this.#add(verb);
    while (this.#next()) {
      // DEFINER=`who`@`where` stands between in MySQL.
      if (this.#scanner.kind !== SqlToken.word) {
        if (this.#dialect !== "mysql") return;
        continue;
      }
      const spelling = this.#scanner.spelling;
      if (!objectTypes.has(spelling.toUpperCase())) continue;
      this.#add(spelling);
      this.#name();
      return;
    }
  }

  /** LOAD DATA LOCAL INFILE 'file' REPLACE INTO TABLE name */
  #load(verb: string): void {
    this.#add(verb);
    while (this.#next()) {
      if (this.#scanner.kind !== SqlToken.word) continue;
      const word = this.#scanner.spelling.toUpperCase();
      if (word === "DATA" || word === "XML") this.#add(this.#scanner.spelling);
      if (word !== "INTO") continue;
      this.#name();
      return;
    }
  }

  #naming(verb: string): void {
    this.#add(verb);
    if (!this.#next()) return;
    // ANALYZE SELECT runs the statement and tells how it went.
    if (this.#dialect === "mysql" && queryVerbs.has(this.#scanner.spelling.toUpperCase())) {
      if (this.#scanner.spelling.toUpperCase() !== "TABLE") {
        this.#peeked = true;
        this.#walk();
        return;
      }
    }
    const hasParenthesis = this.#scanner.code === 0x28;
    if (hasParenthesis && verb.toUpperCase() === "COPY") {
      this.#open();
      this.#walk();
      return;
    }
    if (hasParenthesis) this.#skipParentheses();
    else this.#peeked = true;
    this.#name();
  }

  /** The options of VACUUM (FULL) name. */
  #skipParentheses(): void {
    for (let depth = 1; depth > 0 && this.#next(); ) {
      if (this.#scanner.kind !== SqlToken.symbol) continue;
      if (this.#scanner.code === 0x28) depth++;
      else if (this.#scanner.code === 0x29) depth--;
    }
  }

  /** The next name behind filler words, if there is one. */
  #name(): void {
    while (this.#next()) {
      const { kind } = this.#scanner;
      if (kind === SqlToken.word && nameFillers.has(this.#scanner.spelling.toUpperCase())) continue;
      if (isIdentifier(kind)) this.#add(this.#dotted(this.#scanner.spelling));
      return;
    }
  }

  /** A name, of which the scanner stands on the first part, with the others; it is then behind. */
  #dotted(first: string): string {
    const { text } = this.#scanner;
    let name = first;
    while (this.#next()) {
      const isDot = this.#scanner.kind === SqlToken.symbol && this.#scanner.code === 0x2e;
      if (!isDot) {
        this.#peeked = true;
        break;
      }
      if (!this.#next()) break;
      if (!isIdentifier(this.#scanner.kind)) {
        this.#peeked = true;
        break;
      }
      name += `.${text.slice(this.#scanner.start, this.#scanner.end)}`;
    }
    return name;
  }

  /** `verb` is one of firstWords, or "". */
  #query(verb: string): void {
    this.#with = verb === "WITH";
    if (!this.#with && !queryVerbs.has(verb)) {
      this.#add(this.#scanner.spelling);
      if (verb === "START") this.#transaction();
      // EXPLAIN, PREPARE and DECLARE go on with a statement of their own; the others do not.
      if (verb !== "EXPLAIN" && verb !== "PREPARE" && verb !== "DECLARE") return;
    } else this.#peeked = true;
    this.#walk();
  }

  #transaction(): void {
    if (this.#next() && this.#scanner.spelling.toUpperCase() === "TRANSACTION") {
      this.#add(this.#scanner.spelling);
    }
  }

  #walk(): void {
    let afterDot = false;
    while (!this.#full && this.#next()) {
      const { kind } = this.#scanner;
      const qualified = afterDot;
      afterDot = kind === SqlToken.symbol && this.#scanner.code === 0x2e;
      // What follows a dot is a name, whatever it is called.
      if (kind === SqlToken.word && qualified) this.#previous = "";
      else if (kind === SqlToken.word) this.#word();
      else if (kind === SqlToken.quotedIdentifier) this.#identifier();
      else if (kind === SqlToken.symbol) this.#symbol(this.#scanner.code);
      else this.#level.expectsTable = false;
      if (kind !== SqlToken.word) this.#previous = "";
    }
  }

  #symbol(code: number): void {
    const level = this.#level;
    if (code === 0x28) this.#open();
    else if (code === 0x29) {
      this.#level = this.#outer.pop() ?? level;
      // Behind WITH name AS (…) the statement itself begins.
      this.#level.mayBegin = this.#with && this.#outer.length === 0;
    } else if (code === 0x2c) level.expectsTable = level.inList;
    else if (code === 0x3b && this.#outer.length === 0) this.#level = newLevel(true);
    else level.expectsTable = false;
  }

  #open(): void {
    // JOIN t USING (column) names no table; USING (SELECT …) is known by its verb.
    const expectsTable = this.#level.expectsTable && this.#previous !== "USING";
    this.#level.expectsTable = false;
    this.#outer.push(this.#level);
    this.#level = newLevel(true);
    this.#level.expectsTable = expectsTable;
    this.#level.inList = expectsTable;
    this.#level.inQuery = expectsTable;
  }

  #word(): void {
    const level = this.#level;
    const before = this.#previous;
    const { text, start, end } = this.#scanner;
    const word = keywords.at(text, start, end);
    this.#previous = word;
    if (word === "") this.#identifier();
    else if (word === "SELECT" || (queryVerbs.has(word) && this.#begins(word, before))) {
      this.#verb(word, before);
    } else if (this.#dialect === "mysql" && level.expectsTable && mysqlFillers.has(word)) {
      return;
    } else if (this.#dialect === "mysql" && level.expectsTable && mysqlTargets.has(word)) {
      level.expectsTable = false;
    } else if (level.inQuery && this.#leadsToTable(word, before)) {
      level.expectsTable = true;
      if (word === "FROM" || word === "USING") level.inList = true;
    } else if (listEnders.has(word) || (word === "VALUES" && level.expectsTable)) {
      level.inList = false;
      level.expectsTable = false;
    } else if (level.expectsTable && tableFillers.has(word)) return;
    else this.#identifier();
  }

  /** Not the UPDATE of FOR UPDATE, ON UPDATE, DO UPDATE or THEN UPDATE, nor a column's name. */
  #begins(word: string, before: string): boolean {
    if (this.#level.inQuery) return false;
    if (functionVerbs.has(word) && this.#isCalled()) return false;
    if (word === "TABLE" || word === "VALUES") return this.#level.mayBegin;
    return this.#level.mayBegin || before === "FOR" || before === "AS" || before === "ANALYZE";
  }

  /** In MySQL a function's name touches its parenthesis. */
  #isCalled(): boolean {
    return this.#dialect === "mysql" && this.#scanner.text.charCodeAt(this.#scanner.end) === 0x28;
  }

  #verb(word: string, before: string): void {
    const level = this.#level;
    const continues = setOperators.has(before) || this.#continuesSetOperation(before);
    if (!continues) this.#add(this.#scanner.spelling);
    level.inQuery = true;
    level.mayBegin = false;
    level.expectsTable = word === "UPDATE" || word === "TABLE" || this.#namesTable(word);
    level.inList = this.#dialect === "mysql" && word === "UPDATE";
    this.#with = this.#with && this.#outer.length > 0;
  }

  /** In MySQL INTO may be left out. */
  #namesTable(word: string): boolean {
    return this.#dialect === "mysql" && (word === "INSERT" || word === "REPLACE");
  }

  /** UNION ALL SELECT: `before` is ALL or DISTINCT, which nothing else puts before SELECT. */
  #continuesSetOperation(before: string): boolean {
    return before === "ALL" || before === "DISTINCT";
  }

  #leadsToTable(word: string, before: string): boolean {
    if (word === "FROM") return before !== "DISTINCT";
    if (word === "JOIN") return before !== "FOR";
    if (word === "STRAIGHT_JOIN") return this.#dialect === "mysql" && before !== "SELECT";
    // In CQL it is followed by TTL or TIMESTAMP.
    return word === "INTO" || (word === "USING" && this.#dialect !== "cql");
  }

  #identifier(): void {
    const level = this.#level;
    const begins = level.mayBegin;
    const expected = level.expectsTable;
    if (!this.#with || this.#outer.length > 0) level.mayBegin = begins && this.#explains();
    level.expectsTable = false;
    const mayName = this.#with && this.#outer.length === 0;
    if (!expected && !mayName) return;
    const start = this.#scanner.spelling;
    const name = this.#dotted(start);
    if (expected) {
      const isCommon =
        this.#commonNames !== undefined &&
        name === start &&
        this.#commonNames.has(commonName(start));
      if (!isCommon) this.#add(name);
    } else if (this.#namesQuery()) {
      this.#commonNames ??= new Set();
      this.#commonNames.add(commonName(start));
    }
  }

  /** EXPLAIN ANALYZE VERBOSE, PREPARE name (…) AS, DECLARE name CURSOR FOR: the verb is to come. */
  #explains(): boolean {
    return this.#outer.length === 0 && !this.#level.inQuery;
  }

  /** WITH name AS, WITH name (columns) AS, and the next ones behind a comma. */
  #namesQuery(): boolean {
    const next = this.#peeked ? this.#scanner : undefined;
    if (next === undefined) return false;
    return next.code === 0x28 || next.spelling.toUpperCase() === "AS";
  }
}

function newLevel(mayBegin: boolean): Level {
  return { inQuery: false, expectsTable: false, inList: false, mayBegin };
}

function isIdentifier(kind: SqlToken): boolean {
  return kind === SqlToken.word || kind === SqlToken.quotedIdentifier;
}

function commonName(spelling: string): string {
  return /^["`[]/.test(spelling) ? spelling.slice(1, -1) : spelling.toLowerCase();
}
