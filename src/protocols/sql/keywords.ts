/** Key words in a text, found without making strings of the other words. */

const LETTERS = 32;
const CHARS_MAX = 24;

/** A fixed list of upper-case words. */
export class Keywords {
  /** By length and first letter; most places hold none. */
  readonly #places: (readonly string[] | undefined)[] = new Array(LETTERS * (CHARS_MAX + 1));

  constructor(words: Iterable<string>) {
    for (const word of words) {
      const place = placeOf(word.charCodeAt(0), word.length);
      this.#places[place] = [...(this.#places[place] ?? []), word];
    }
  }

  /** The key word text[start..end) in upper case, or "". */
  at(text: string, start: number, end: number): string {
    const length = end - start;
    if (length > CHARS_MAX) return "";
    const candidates = this.#places[placeOf(text.charCodeAt(start), length)];
    if (candidates === undefined) return "";
    for (const word of candidates) if (isAt(word, text, start)) return word;
    return "";
  }
}

function placeOf(first: number, length: number): number {
  return length * LETTERS + (first & (LETTERS - 1));
}

function isAt(word: string, text: string, start: number): boolean {
  for (let index = 0; index < word.length; index++) {
    const code = text.charCodeAt(start + index);
    const upper = code >= 0x61 && code <= 0x7a ? code - 0x20 : code;
    if (upper !== word.charCodeAt(index)) return false;
  }
  return true;
}
