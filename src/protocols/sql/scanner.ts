/**
 * Splits SQL text into tokens by the lexical rules of a dialect. Its invariant: every character
 * belongs to exactly one token and is looked at a bounded number of times, whatever the text is;
 * what is never closed (a string, a comment) reaches to the end.
 */
import { bareValueLength } from "./bare-values.ts";
import type { SqlDialect } from "./dialect.ts";

/** What a token is. Literals are string and number; everything else may be shown as it is. */
export const SqlToken = {
  space: 0,
  comment: 1,
  /** A key word or an identifier without quotes. */
  word: 2,
  quotedIdentifier: 3,
  string: 4,
  number: 5,
  /** $1, ?, :name: what the dialect has for a value that is sent apart from the text. */
  parameter: 6,
  /** One character of an operator or of punctuation. */
  symbol: 7,
} as const;
export type SqlToken = (typeof SqlToken)[keyof typeof SqlToken];

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
const BACKTICK = 0x60;
const BRACKET = 0x5b;
const HASH = 0x23;
const QUESTION = 0x3f;
const COLON = 0x3a;
const AT = 0x40;
const EXCLAMATION = 0x21;
const PARENTHESIS = 0x28;
/** Digits of the version in an executable comment. */
const VERSION_DIGITS_MAX = 6;

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

/** 1 where an ASCII character may stand in a word behind its first one. */
const wordParts = classes.map((type) => (type === IS_DIGIT || type === IS_WORD_START ? 1 : 0));
wordParts[DOLLAR] = 1;

/** Of a character's code; -1, the end of the text, has no class. */
function classOf(code: number): number {
  return code < 128 ? (classes[code] ?? 0) : IS_WORD_START;
}

/** What ends a string whose delimiter is chosen; any other character ends it itself. */
const closers: Readonly<Record<string, string>> = { "[": "]", "(": ")", "{": "}", "<": ">" };

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
  /** Inside of an executable comment. */
  #executable = false;
  /** The first backslash at or behind the last string's beginning. */
  #backslashes = -1;

  constructor(text: string, dialect: SqlDialect) {
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

  /** Moves to the next token that is not white space. */
  nextVisible(): boolean {
    this.end = this.#spaceEnd(this.end);
    return this.next();
  }

  /** Moves to the next token that is neither white space nor a comment. */
  nextMeaningful(): boolean {
    while (this.nextVisible()) if (this.kind !== SqlToken.comment) return true;
    return false;
  }

  /** The dialect by whose rules the text is read. */
  get dialect(): SqlDialect {
    return this.#dialect;
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
    this.#finish(SqlToken.space, this.#spaceEnd(this.start + 1));
  }

  /** Behind the end of a text charCodeAt() is NaN, which is slow: it is never asked for. */
  #spaceEnd(from: number): number {
    const { text } = this;
    const { length } = text;
    let end = from;
    while (end < length && classes[text.charCodeAt(end)] === IS_SPACE) end++;
    return end;
  }

  #other(code: number): void {
    const following = this.#at(this.start + 1);
    const dialect = this.#dialect;
    if (code === QUOTE) this.#string(this.start + 1, this.#escapesHere());
    else if (code === DOUBLE_QUOTE) this.#doubleQuoted();
    else if (code === BACKTICK && dialect.backticks) this.#enclosed(this.start + 1, "`");
    else if (code === BRACKET && dialect.brackets) this.#enclosed(this.start + 1, "]");
    else if (code === DOLLAR) this.#dollar();
    else if (code === MINUS && following === MINUS && this.#isLineComment()) this.#lineComment();
    else if (code === HASH && dialect.hashComments) this.#lineComment();
    else if (code === SLASH && following === SLASH && dialect.slashComments) this.#lineComment();
    else if (code === SLASH && following === STAR) this.#comment();
    else if (code === STAR && following === SLASH && this.#executable) this.#executableEnds();
    else if (code === MINUS || code === PLUS) this.#signed(following);
    else if (code === DOT && classOf(following) === IS_DIGIT) this.#number(this.start);
    else if (code === QUESTION || code === COLON || code === AT) this.#marker(code, following);
    else this.#finish(SqlToken.symbol, this.start + 1);
  }

  /** In MySQL 5--1 is a difference. */
  #isLineComment(): boolean {
    if (!this.#dialect.spacedDashes) return true;
    return this.#at(this.start + 2) <= 0x20;
  }

  #doubleQuoted(): void {
    if (this.#dialect.doubleQuotes === "identifier") this.#enclosed(this.start + 1, '"');
    else this.#string(this.start + 1, this.#escapesHere(), DOUBLE_QUOTE);
  }

  /** ?, ?1, :name, @name. */
  #marker(code: number, following: number): void {
    const { placeholders } = this.#dialect;
    const isQuestion = code === QUESTION && placeholders !== "dollar";
    const isNamed =
      code !== QUESTION &&
      (placeholders === "any" || (placeholders === "named" && code === COLON)) &&
      classOf(following) === IS_WORD_START &&
      !isWordPart(this.#at(this.start - 1));
    let end = this.start + 1;
    if (isNamed) while (isWordPart(this.#at(end))) end++;
    else if (isQuestion && placeholders === "any")
      while (classOf(this.#at(end)) === IS_DIGIT) end++;
    // {street :now()} is a value of a map, not a parameter.
    const isParameter = isQuestion || (isNamed && this.#at(end) !== PARENTHESIS);
    this.#finish(
      isParameter ? SqlToken.parameter : SqlToken.symbol,
      isParameter ? end : this.start + 1,
    );
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
    const bare = this.#bareValue(from);
    if (bare > 0) {
      this.#finish(SqlToken.number, from + bare);
      return;
    }
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

  #bareValue(from: number): number {
    return this.#dialect.bareValues ? bareValueLength(this.text, from, isWordPart) : 0;
  }

  /** A word, or a string with one before its quote: E'…', B'…', X'…', N'…', U&'…', q'…'. */
  #word(code: number): void {
    const following = this.#at(this.start + 1);
    const third = this.#at(this.start + 2);
    if (following === QUOTE && this.#prefixed(code | 0x20)) return;
    if (third === QUOTE && following === AMPERSAND && this.#isUnicode(code)) {
      this.#string(this.start + 3, false);
    } else if (third === DOUBLE_QUOTE && following === AMPERSAND && this.#isUnicode(code)) {
      this.#enclosed(this.start + 3, '"');
    } else if (third === QUOTE && (code | 0x20) === 0x6e && this.#isChosen(following)) {
      this.#chosen(this.start + 3);
    } else {
      const bare = this.#bareValue(this.start);
      if (bare > 0) {
        this.#finish(SqlToken.number, this.start + bare);
        return;
      }
      this.#finish(SqlToken.word, this.#wordEnd(this.start + 1));
    }
  }

  #wordEnd(from: number): number {
    const { text } = this;
    const { length } = text;
    let end = from;
    for (; end < length; end++) {
      const code = text.charCodeAt(end);
      if (code < 128 && wordParts[code] === 0) break;
    }
    return end;
  }

  #isUnicode(code: number): boolean {
    return (code | 0x20) === 0x75 && this.#dialect.escapeStrings;
  }

  /** A letter and a quote behind it. */
  #prefixed(letter: number): boolean {
    const { escapeStrings, stringPrefixes, backslash } = this.#dialect;
    if (letter === 0x65 && escapeStrings) this.#string(this.start + 2, true);
    else if (this.#isChosen(letter)) this.#chosen(this.start + 2);
    else if (stringPrefixes.includes(String.fromCharCode(letter))) {
      this.#string(this.start + 2, backslash === "escape");
    } else return false;
    return true;
  }

  #isChosen(letter: number): boolean {
    return (letter | 0x20) === 0x71 && this.#dialect.chosenDelimiters;
  }

  /** q'[it's]': the character behind the quote chooses what ends the string. */
  #chosen(from: number): void {
    const first = this.text.charAt(from);
    const last = closers[first] ?? first;
    const end = first === "" ? -1 : this.text.indexOf(`${last}'`, from + 1);
    if (end < 0) this.#unclosed(SqlToken.string);
    else this.#finish(SqlToken.string, end + 2);
  }

  #escapesHere(): boolean {
    return this.#dialect.backslash === "escape" || this.#continuedEscapes;
  }

  #string(from: number, escapes: boolean, quote = QUOTE): void {
    this.#continuedEscapes = escapes && this.#dialect.escapeStrings;
    const { text } = this;
    const mark = quote === QUOTE ? "'" : '"';
    let end = this.#plainEnd(from, mark);
    for (; end < text.length; end++) {
      const code = text.charCodeAt(end);
      if (code === BACKSLASH && escapes) end++;
      else if (code === BACKSLASH && this.#isUncertain(end + 1, quote)) break;
      else if (code === quote) {
        if (this.#at(end + 1) !== quote) {
          this.#enclosedToken(SqlToken.string, end + 1);
          return;
        }
        end++;
      }
    }
    this.#unclosed(SqlToken.string);
  }

  /** Where reading a string's characters one by one has to begin: at its end, mostly. */
  #plainEnd(from: number, mark: string): number {
    if (this.#backslashes < from) {
      const next = this.text.indexOf("\\", from);
      this.#backslashes = next < 0 ? this.text.length : next;
    }
    const end = this.text.indexOf(mark, from);
    return Math.min(end < 0 ? this.text.length : end, this.#backslashes);
  }

  #isUncertain(next: number, quote: number): boolean {
    return this.#dialect.backslash === "unknown" && this.#at(next) === quote;
  }

  /** A quoted identifier; its closing character is doubled where it belongs to the name. */
  #enclosed(from: number, closer: string): void {
    const code = closer.charCodeAt(0);
    let end = this.text.indexOf(closer, from);
    while (end >= 0 && closer !== "]" && this.text.charCodeAt(end + 1) === code) {
      end = this.text.indexOf(closer, end + 2);
    }
    if (end < 0) this.#unclosed(SqlToken.quotedIdentifier);
    else this.#enclosedToken(SqlToken.quotedIdentifier, end + 1);
  }

  /**
   * A server that does not execute the comment takes its end for one even inside of quotes: where
   * that may be so, nobody can tell what is quoted behind it.
   */
  #enclosedToken(kind: SqlToken, end: number): void {
    if (this.#executable && this.text.slice(this.start, end).includes("*/")) this.#unclosed(kind);
    else this.#finish(kind, end);
  }

  /** $1 is a parameter, $$…$$ and $tag$…$tag$ are strings, anything else is a symbol. */
  #dollar(): void {
    const { placeholders, dollarQuotes } = this.#dialect;
    let end = this.start + 1;
    const numbered = placeholders === "dollar" || placeholders === "any";
    if (numbered && classOf(this.#at(end)) === IS_DIGIT) {
      while (classOf(this.#at(end)) === IS_DIGIT) end++;
      this.#finish(SqlToken.parameter, end);
      return;
    }
    if (dollarQuotes === "tagged") {
      while (this.#at(end) !== DOLLAR && isWordPart(this.#at(end))) end++;
    }
    if (dollarQuotes === "none" || this.#at(end) !== DOLLAR) {
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

  #comment(): void {
    if (this.#dialect.executableComments && this.#executableBegins()) return;
    if (this.#dialect.nestedComments) this.#nestedComment();
    else {
      const end = this.text.indexOf("*/", this.start + 2);
      if (end < 0) this.#unclosed(SqlToken.comment);
      else this.#finish(SqlToken.comment, end + 2);
    }
  }

  /** The marks of an executable comment (and its version) are comments, what is inside is text. */
  #executableBegins(): boolean {
    let end = this.start + 2;
    if ((this.#at(end) | 0x20) === 0x6d) end++;
    if (this.#at(end) !== EXCLAMATION) return false;
    end++;
    const most = end + VERSION_DIGITS_MAX;
    while (end < most && classOf(this.#at(end)) === IS_DIGIT) end++;
    this.#executable = true;
    this.#finish(SqlToken.comment, end);
    return true;
  }

  #executableEnds(): void {
    this.#executable = false;
    this.#finish(SqlToken.comment, this.start + 2);
  }

  #nestedComment(): void {
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
