/** Text for a terminal. Invariant: fitted() is never wider than asked. */

const ELLIPSIS = "…";

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  return Bun.stringWidth(text);
}

/** The text cut to so many columns, with an ellipsis where it was cut. */
export function fitted(text: string, columns: number): string {
  if (text.length <= columns && isAscii(text)) return text;
  if (widthOf(text) <= columns) return text;
  if (columns <= 0) return "";
  let kept = "";
  let width = 0;
  for (const { segment } of graphemes.segment(text.slice(0, columns * 8))) {
    const next = width + widthOf(segment);
    if (next > columns - 1) break;
    kept += segment;
    width = next;
  }
  return kept + ELLIPSIS;
}

/** Cut or filled with spaces on the right to exactly so many columns. */
export function padded(text: string, columns: number): string {
  const cut = fitted(text, columns);
  return cut + " ".repeat(Math.max(0, columns - widthOf(cut)));
}

/** Cut or filled with spaces on the left to exactly so many columns. */
export function paddedLeft(text: string, columns: number): string {
  const cut = fitted(text, columns);
  return " ".repeat(Math.max(0, columns - widthOf(cut))) + cut;
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) return false;
  }
  return true;
}

/** A duration for people: 850 ns, 12.4 µs, 3.07 ms, 1.25 s, 2 min 5 s. */
export function durationText(ns: number): string {
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 999.5e3) return `${threeDigits(ns / 1e3)} µs`;
  if (ns < 999.5e6) return `${threeDigits(ns / 1e6)} ms`;
  if (ns < 59.95e9) return `${threeDigits(ns / 1e9)} s`;
  const seconds = Math.round(ns / 1e9);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** Local time of day with milliseconds. */
export function timeOfDay(unixNs: bigint): string {
  const date = new Date(Number(unixNs / 1_000_000n));
  const two = (value: number) => String(value).padStart(2, "0");
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two);
  return `${parts.join(":")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
