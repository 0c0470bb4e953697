/**
 * Which lines of one write belong to the line before them. Only lines that one write carries are
 * ever joined, because two writes of one thread can always be two records. Within a write a line
 * continues the one before when it
 *   - begins with a space or a tab (stack frames, indented dumps, "\tat ...", "... 5 more");
 *   - is "Traceback (most recent call last):", or the exception line that ends such a traceback;
 *   - is one of Python's two sentences that chain a further traceback, after an empty line;
 *   - begins with "Caused by: ";
 *   - begins with the bracket that closes what the first line opened and indented lines filled;
 *   - lies inside a PEM block ("-----BEGIN ...-----" to "-----END ...-----").
 * Invariant: a line that begins like an ordinary record is never joined to another.
 */

const NEWLINE = 10;
const RETURN = 13;
const TAB = 9;
const SPACE = 32;
const DASH = 45;
const COLON = 58;
const UPPER_C = 67;
const UPPER_D = 68;
const UPPER_T = 84;

/** What the lines of a record so far allow the next one to be; a set of bits, 0 at its start. */
export type RecordShape = number;

const Shape = {
  /** The frames of a Python traceback; the next line that is not indented is its exception. */
  traceback: 1,
  /** The traceback's exception line has been seen. */
  exception: 2,
  /** A chaining sentence announced another traceback. */
  chained: 4,
  /** The first line ends with an opening bracket. */
  opens: 8,
  /** An indented line was joined. */
  indented: 16,
  /** Empty lines follow the last joined line. */
  blank: 32,
  /** Inside a PEM block. */
  pem: 64,
} as const;

const encoder = new TextEncoder();
const TRACEBACK = encoder.encode("Traceback (most recent call last):");
const CAUSED_BY = encoder.encode("Caused by: ");
const DURING = encoder.encode(
  "During handling of the above exception, another exception occurred:",
);
const DIRECT_CAUSE = encoder.encode(
  "The above exception was the direct cause of the following exception:",
);
const PEM_BEGIN = encoder.encode("-----BEGIN ");
const PEM_END = encoder.encode("-----END ");

/** Whether bytes[start..end) hold nothing but the end of a line. */
export function isBlankLine(bytes: Uint8Array, start: number, end: number): boolean {
  return start >= end || (end - start === 1 && bytes[start] === RETURN);
}

/** Whether the line bytes[start..end), not blank, continues a record of this shape. */
export function continuesRecord(
  shape: RecordShape,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if ((shape & Shape.pem) !== 0) return true;
  const first = bytes[start];
  if ((shape & Shape.blank) !== 0) {
    if ((shape & Shape.chained) !== 0) return startsWith(bytes, start, end, TRACEBACK);
    return (shape & Shape.exception) !== 0 && isChainSentence(bytes, start, end);
  }
  if (first === SPACE || first === TAB) return true;
  if ((shape & Shape.traceback) !== 0) return true;
  if (first === UPPER_T) return startsWith(bytes, start, end, TRACEBACK);
  if (first === UPPER_C) return startsWith(bytes, start, end, CAUSED_BY);
  const filled = Shape.opens | Shape.indented;
  return (shape & filled) === filled && isClosingBracket(first);
}

/** The shape after a line that continuesRecord() accepted, or, with shape 0, after a first line. */
export function shapeAfter(
  shape: RecordShape,
  bytes: Uint8Array,
  start: number,
  end: number,
): RecordShape {
  const stop = end > start && bytes[end - 1] === RETURN ? end - 1 : end;
  const first = bytes[start];
  const last = bytes[stop - 1];
  if ((shape & Shape.pem) !== 0) return startsWith(bytes, start, stop, PEM_END) ? 0 : shape;
  if (last === DASH && isPemBegin(bytes, start, stop)) return Shape.pem;
  if (first === UPPER_T && last === COLON && startsWith(bytes, start, stop, TRACEBACK)) {
    return Shape.traceback;
  }
  if (shape === 0) return isOpeningBracket(last) ? Shape.opens : 0;
  if (first === SPACE || first === TAB) return (shape & ~Shape.blank) | Shape.indented;
  if (last === COLON && isChainSentence(bytes, start, stop)) return Shape.chained;
  if ((shape & Shape.traceback) !== 0) return Shape.exception;
  return shape & ~Shape.blank;
}

/** The shape after an empty line, which itself belongs to a record only when a later line does. */
export function shapeAfterBlank(shape: RecordShape): RecordShape {
  return (shape & Shape.pem) !== 0 ? shape : shape | Shape.blank;
}

/** How far the record goes on in a write. */
export interface RecordExtent {
  /** Just behind the record's last byte, without its newline. */
  end: number;
  /** Where the next record can begin. */
  next: number;
  /** Start of the record's last line when that line is not finished, else -1. */
  openLine: number;
  shape: RecordShape;
}

/**
 * Follows a record whose latest line ended at bytes[from - 1] (its newline) over the lines that
 * continue it, up to bytes.length. Writes the result into `extent`: no allocation per line.
 */
export function followRecord(
  bytes: Uint8Array,
  from: number,
  shape: RecordShape,
  extent: RecordExtent,
): void {
  extent.end = from - 1;
  extent.openLine = -1;
  extent.shape = shape;
  let position = from;
  while (position < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, position);
    const lineEnd = newline < 0 ? bytes.length : newline;
    if (isBlankLine(bytes, position, lineEnd)) {
      extent.shape = shapeAfterBlank(extent.shape);
    } else {
      if (!continuesRecord(extent.shape, bytes, position, lineEnd)) break;
      extent.end = lineEnd;
      if (newline < 0) {
        extent.openLine = position;
        break;
      }
      extent.shape = shapeAfter(extent.shape, bytes, position, lineEnd);
    }
    position = lineEnd + 1;
  }
  extent.next = extent.openLine >= 0 ? bytes.length : Math.min(position, bytes.length);
}

function startsWith(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false;
  for (let index = 0; index < prefix.length; index++) {
    if (bytes[start + index] !== prefix[index]) return false;
  }
  return true;
}

function isChainSentence(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start];
  if (first === UPPER_D) return startsWith(bytes, start, end, DURING);
  return first === UPPER_T && startsWith(bytes, start, end, DIRECT_CAUSE);
}

/** The line ends with a PEM header, at its start or behind other text such as a log prefix. */
function isPemBegin(bytes: Uint8Array, start: number, end: number): boolean {
  const from = Math.max(start, end - 64);
  for (let index = from; index + PEM_BEGIN.length < end; index++) {
    if (bytes[index] === DASH && startsWith(bytes, index, end, PEM_BEGIN)) return true;
  }
  return false;
}

/** { [ ( */
function isOpeningBracket(byte: number | undefined): boolean {
  return byte === 123 || byte === 91 || byte === 40;
}

/** } ] ) */
function isClosingBracket(byte: number | undefined): boolean {
  return byte === 125 || byte === 93 || byte === 41;
}
