/**
 * Splits SQL text into tokens by the lexical rules of PostgreSQL (manual, section 4.1). Its
 * invariant: every character belongs to exactly one token and is looked at a bounded number of
 * times, whatever the text is; what is never closed (a string, a comment) reaches to the end.
 */

/** What a token is. Literals are string and number; everything else may be shown as it is. */
export const SqlToken = {
  space: 0,
  comment: 1,
  /** A key word or an identifier without quotes. */
  word: 2,
  quotedIdentifier: 3,
  string: 4,
  number: 5,
  /** $1, $2 … */
  parameter: 6,
  /** One character of an operator or of punctuation. */
  symbol: 7,
} as const;
export type SqlToken = (typeof SqlToken)[keyof typeof SqlToken];

export interface SqlDialect {
  /**
   * What a backslash in a plain string is: standard_conforming_strings is on (literal) or off
   * (escape). unknown: where a backslash stands before a quote, nobody can tell where the string
   * ends, so it reaches to the end of the text.
   */
  readonly backslash: "literal" | "escape" | "unknown";
}

const standard: SqlDialect = { backslash: "literal" };

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const MINUS = 0x2d;
const PLUS = 0x2b;
const SLASH = 0x2f;
const STAR = 0x2a;
const DOT = 0x2e;
const AMPERSAND = 0x26;

const IS_SPACE = 1;
const IS_DIGIT = 2;
const IS_WORD_START = 4;

/** Class of each ASCII character; everything above is part of identifiers. */
const classes = new Uint8Array(128);
for (const character of " \t\n\r\f\v") classes[character.charCodeAt(0)] = IS_SPACE;
for (const character of "0123456789") classes[character.charCodeAt(0)] = IS_DIGIT;
for (let letter = 0; letter < 26; letter++) {
  classes[0x41 + letter] = IS_WORD_START;
  classes[0x61 + letter] = IS_WORD_START;
}
classes["_".charCodeAt(0)] = IS_WORD_START;

/** Of a character's code; -1, the end of the text, has no class. */
function classOf(code: number): number {
  return code < 128 ? (classes[code] ?? 0) : IS_WORD_START;
}

/** Walks over a text: next() until it says false; kind, start and end tell of the token. */
export class SqlScanner {
  readonly text: string;
  kind: SqlToken = SqlToken.space;
  start = 0;
  end = 0;
  /** False when the token is a string, quoted identifier or comment that nothing closes. */
  closed = true;
  readonly #dialect: SqlDialect;
  /** A string that goes on after white space ('a' newline 'b') keeps the rules of its beginning. */
  #continuedEscapes = false;

  constructor(text: string, dialect: SqlDialect = standard) {
    this.text = text;
    this.#dialect = dialect;
  }

  /** Moves to the next token; false at the end of the text. */
  next(): boolean {
    this.start = this.end;
    if (this.start >= this.text.length) return false;
    this.closed = true;
    const code = this.text.charCodeAt(this.start);
    const type = classOf(code);
    if (type === IS_SPACE) this.#space();
    else if (type === IS_DIGIT) this.#number(this.start);
    else if (type === IS_WORD_START) this.#word(code);
    else this.#other(code);
    if (this.kind > SqlToken.comment && this.kind !== SqlToken.string) {
      this.#continuedEscapes = false;
    }
    return true;
  }

  /** Moves to the next token that is neither white space nor a comment. */
  nextMeaningful(): boolean {
    while (this.next()) {
      if (this.kind !== SqlToken.space && this.kind !== SqlToken.comment) return true;
    }
    return false;
  }

  /** Code of the token's first character. */
  get code(): number {
    return this.text.charCodeAt(this.start);
  }

  /** The token as the text spells it. */
  get spelling(): string {
    return this.text.slice(this.start, this.end);
  }

  #finish(kind: SqlToken, end: number): void {
    this.kind = kind;
    this.end = end;
  }

  #at(index: number): number {
    return index < this.text.length ? this.text.charCodeAt(index) : -1;
  }

  #space(): void {
    let end = this.start + 1;
    while (classOf(this.#at(end)) === IS_SPACE) end++;
    this.#finish(SqlToken.space, end);
  }

  #other(code: number): void {
    const following = this.#at(this.start + 1);
    if (code === QUOTE) this.#string(this.start + 1, this.#escapesHere());
    else if (code === DOUBLE_QUOTE) this.#quotedIdentifier(this.start + 1);
    else if (code === DOLLAR) this.#dollar();
    else if (code === MINUS && following === MINUS) this.#lineComment();
    else if (code === SLASH && following === STAR) this.#blockComment();
    else if (code === MINUS || code === PLUS) this.#signed(following);
    else if (code === DOT && classOf(following) === IS_DIGIT) this.#number(this.start);
    else this.#finish(SqlToken.symbol, this.start + 1);
  }

  /** The conventions count a sign that touches a number to the number: 99+100 is two literals. */
  #signed(following: number): void {
    const isNumber =
      classOf(following) === IS_DIGIT ||
      (following === DOT && classOf(this.#at(this.start + 2)) === IS_DIGIT);
    if (isNumber) this.#number(this.start + 1);
    else this.#finish(SqlToken.symbol, this.start + 1);
  }

  /** Whatever touches a number is hidden with it: 1_000, 0xFF, 1e-5, 12.5, also 123abc. */
  #number(from: number): void {
    let end = from;
    let isHex = false;
    for (;;) {
      const code = this.#at(end);
      const type = classOf(code);
      const isExponentSign =
        (code === MINUS || code === PLUS) &&
        !isHex &&
        (this.#at(end - 1) | 0x20) === 0x65 &&
        classOf(this.#at(end + 1)) === IS_DIGIT;
      const isPoint = code === DOT && this.#at(end + 1) !== DOT;
      if (type !== IS_DIGIT && type !== IS_WORD_START && !isExponentSign && !isPoint) break;
      if (end === from + 1 && (code | 0x20) === 0x78) isHex = true;
      end++;
    }
    this.#finish(SqlToken.number, end);
  }

  /** A word, or a string with one before its quote: E'…', B'…', X'…', N'…', U&'…'. */
  #word(code: number): void {
    const following = this.#at(this.start + 1);
    const lower = code | 0x20;
    const third = this.#at(this.start + 2);
    const isUnicode = lower === 0x75 && following === AMPERSAND;
    if (following === QUOTE && lower === 0x65) this.#string(this.start + 2, true);
    else if (following === QUOTE && (lower === 0x62 || lower === 0x78 || lower === 0x6e)) {
      this.#string(this.start + 2, this.#dialect.backslash === "escape");
    } else if (isUnicode && third === QUOTE) this.#string(this.start + 3, false);
    else if (isUnicode && third === DOUBLE_QUOTE) this.#quotedIdentifier(this.start + 3);
    else {
      let end = this.start + 1;
      while (isWordPart(this.#at(end))) end++;
      this.#finish(SqlToken.word, end);
    }
  }

  #escapesHere(): boolean {
    return this.#dialect.backslash === "escape" || this.#continuedEscapes;
  }

  #string(from: number, escapes: boolean): void {
    this.#continuedEscapes = escapes;
    let end = from;
    for (; end < this.text.length; end++) {
      const code = this.text.charCodeAt(end);
      if (code === BACKSLASH && escapes) end++;
      else if (code === BACKSLASH && this.#isUncertain(end + 1)) break;
      else if (code === QUOTE) {
        if (this.#at(end + 1) !== QUOTE) {
          this.#finish(SqlToken.string, end + 1);
          return;
        }
        end++;
      }
    }
    this.#unclosed(SqlToken.string);
  }

  #isUncertain(next: number): boolean {
    return this.#dialect.backslash === "unknown" && this.#at(next) === QUOTE;
  }

  #quotedIdentifier(from: number): void {
    let end = this.text.indexOf('"', from);
    while (end >= 0 && this.#at(end + 1) === DOUBLE_QUOTE) end = this.text.indexOf('"', end + 2);
    if (end < 0) this.#unclosed(SqlToken.quotedIdentifier);
    else this.#finish(SqlToken.quotedIdentifier, end + 1);
  }

  /** $1 is a parameter, $$…$$ and $tag$…$tag$ are strings, anything else is a symbol. */
  #dollar(): void {
    let end = this.start + 1;
    if (classOf(this.#at(end)) === IS_DIGIT) {
      while (classOf(this.#at(end)) === IS_DIGIT) end++;
      this.#finish(SqlToken.parameter, end);
      return;
    }
    while (this.#at(end) !== DOLLAR && isWordPart(this.#at(end))) end++;
    if (this.#at(end) !== DOLLAR) {
      this.#finish(SqlToken.symbol, this.start + 1);
      return;
    }
    const tag = this.text.slice(this.start, end + 1);
    const close = this.text.indexOf(tag, end + 1);
    if (close < 0) this.#unclosed(SqlToken.string);
    else this.#finish(SqlToken.string, close + tag.length);
  }

  #lineComment(): void {
    const end = this.text.indexOf("\n", this.start);
    if (end < 0) this.#unclosed(SqlToken.comment);
    else this.#finish(SqlToken.comment, end);
  }

  #blockComment(): void {
    let depth = 1;
    for (let end = this.start + 2; end + 1 < this.text.length; end++) {
      const code = this.text.charCodeAt(end);
      const following = this.text.charCodeAt(end + 1);
      if (code === STAR && following === SLASH) {
        depth--;
        end++;
        if (depth === 0) {
          this.#finish(SqlToken.comment, end + 1);
          return;
        }
      } else if (code === SLASH && following === STAR) {
        depth++;
        end++;
      }
    }
    this.#unclosed(SqlToken.comment);
  }

  #unclosed(kind: SqlToken): void {
    this.closed = false;
    this.#finish(kind, this.text.length);
  }
}

function isWordPart(code: number): boolean {
  if (code < 0) return false;
  const type = classOf(code);
  return type === IS_WORD_START || type === IS_DIGIT || code === DOLLAR;
}
