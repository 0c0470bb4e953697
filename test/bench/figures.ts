/**
 * Figures and their table. Invariant: a figure that could not be taken says why, and none is left
 * out.
 */

export interface Figure {
  readonly name: string;
  /** undefined: not measured, see note. */
  readonly value: number | undefined;
  readonly unit: string;
  /** What is to be reached: at most, or at least. */
  readonly target?: { readonly atMost: number } | { readonly atLeast: number };
  readonly note?: string;
}

export function missing(name: string, why: string): Figure {
  return { name, value: undefined, unit: "", note: why };
}

/** The middle one; of an even number the higher of the two in the middle. */
export function median(values: readonly number[]): number {
  const ordered = [...values].sort((one, other) => one - other);
  return ordered[Math.floor(ordered.length / 2)] ?? Number.NaN;
}

export function header(): string {
  return line(["figure", "value", "target", ""]);
}

export function row(figure: Figure): string {
  const value = figure.value === undefined ? "-" : `${shown(figure.value)} ${figure.unit}`;
  return line([figure.name, value, targetText(figure), [verdict(figure), figure.note].join(" ")]);
}

function targetText({ target, unit }: Figure): string {
  if (target === undefined) {
    return "";
  }
  const bound = "atMost" in target ? `<= ${target.atMost}` : `>= ${target.atLeast}`;
  return `${bound} ${unit}`;
}

function verdict(figure: Figure): string {
  if (figure.target === undefined || figure.value === undefined) {
    return "";
  }
  return isReached(figure) ? "reached" : "MISSED";
}

/** False also of what has no target or was not measured. */
export function isReached({ target, value }: Figure): boolean {
  if (target === undefined || value === undefined) {
    return false;
  }
  return "atMost" in target ? value <= target.atMost : value >= target.atLeast;
}

function shown(value: number): string {
  return Math.abs(value) >= 1_000 ? value.toFixed(0) : value.toPrecision(3);
}

const WIDTHS = [78, 12, 12, 0];

function line(cells: readonly string[]): string {
  return cells
    .map((cell, column) => cell.padEnd(WIDTHS[column] ?? 0))
    .join(" ")
    .trimEnd();
}
