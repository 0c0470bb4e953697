/**
 * A cursor over the notations of the protocol ("CQL binary protocol", section 3). Invariant: it
 * never reads beyond its end; once something did not fit, `ok` is false and every value is empty.
 */
import { textOf, uint16BE, uint32BE } from "../../lib/bytes.ts";

export class BodyReader {
  bytes: Uint8Array = new Uint8Array();
  at = 0;
  end = 0;
  ok = true;

  open(bytes: Uint8Array, at: number, end: number): void {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.ok = true;
  }

  /** Steps over `length` bytes; false when they are not there. */
  skip(length: number): boolean {
    if (!this.ok || length < 0 || length > this.end - this.at) {
      this.ok = false;
      return false;
    }
    this.at += length;
    return true;
  }

  byte(): number {
    return this.skip(1) ? (this.bytes[this.at - 1] ?? 0) : 0;
  }

  short(): number {
    return this.skip(2) ? uint16BE(this.bytes, this.at - 2) : 0;
  }

  int(): number {
    return this.skip(4) ? uint32BE(this.bytes, this.at - 4) | 0 : 0;
  }

  /** [string] of at most `max` bytes; a longer one is stepped over and empty. */
  string(max: number): string {
    const length = this.short();
    if (!this.skip(length) || length > max) return "";
    return textOf(this.bytes, this.at - length, this.at);
  }

  skipString(): void {
    this.skip(this.short());
  }

  /** [bytes] and [value]: negative lengths are null and the like. */
  skipBytes(): void {
    const length = this.int();
    if (length > 0) this.skip(length);
  }
}
