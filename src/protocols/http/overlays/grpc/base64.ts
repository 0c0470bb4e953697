/**
 * The bodies of grpc-web-text: base64 in pieces, each of which may be padded on its own. Invariant:
 * what is not base64 gives undefined, and nothing is kept but the bits of an unfinished group.
 */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PADDING = 61;
const VALUES = new Int8Array(256).fill(-1);
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

export class Base64Reader {
  #bits = 0;
  #bitCount = 0;
  /** Characters of the group under way, padding included. */
  #characters = 0;

  /** The bytes that these characters complete. */
  decode(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
    const decoded = new Uint8Array(Math.ceil(((end - start) * 3) / 4) + 1);
    let length = 0;
    for (let index = start; index < end; index++) {
      const byte = bytes[index] ?? 0;
      const value = VALUES[byte] ?? -1;
      if (value < 0 && byte !== PADDING) return undefined;
      this.#characters = (this.#characters + 1) % 4;
      if (value >= 0) {
        this.#bits = ((this.#bits << 6) | value) & 0xfff;
        this.#bitCount += 6;
        if (this.#bitCount >= 8) {
          this.#bitCount -= 8;
          decoded[length++] = (this.#bits >> this.#bitCount) & 0xff;
        }
      }
      if (this.#characters === 0) this.#bitCount = 0;
    }
    return decoded.subarray(0, length);
  }
}
