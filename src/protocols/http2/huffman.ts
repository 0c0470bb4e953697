/**
 * The Huffman code of RFC 7541 appendix B. Invariant: a text that is not valid by section 5.2 gives
 * -1, and never more bytes are written than the target holds.
 */

/**
 * Length in bits of the code of each byte, and of EOS at the end, in base 36. The code is
 * canonical: its bits follow from the lengths.
 */
const LENGTHS =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad6777777777777777777777787" +
  "8djde6f56565666577666567655677777fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllml" +
  "nmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu";

const EOS = 256;
const NODES_MAX = 256;
/** The shortest code has five bits, so four of them complete at most one. */
const BITS = 4;
const FANOUT = 1 << BITS;
const NODE_MASK = 0x1ff;
const SYMBOL_SHIFT = 9;
const HAS_SYMBOL = 1 << 17;
const FAILS = 1 << 18;
/** Section 5.2: padding is shorter than a byte, and the beginning of EOS, which is all ones. */
const PADDING_BITS_MAX = 7;

interface Decoder {
  /** By node and four bits: the next node, and perhaps a symbol. */
  readonly steps: Int32Array;
  /** Nodes at which a text may end. */
  readonly isEnd: Uint8Array;
}

let built: Decoder | undefined;

/**
 * Decodes bytes[start..end) into `target` from 0 on; the number of bytes written, or -1. The target
 * must hold huffmanBytesMax(end - start).
 */
export function decodeHuffman(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
): number {
  built ??= build();
  const { steps, isEnd } = built;
  let node = 0;
  let length = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    const high = steps[(node << BITS) | (byte >> BITS)] ?? FAILS;
    if (high & HAS_SYMBOL) target[length++] = (high >> SYMBOL_SHIFT) & 0xff;
    const low = steps[((high & NODE_MASK) << BITS) | (byte & (FANOUT - 1))] ?? FAILS;
    if (low & HAS_SYMBOL) target[length++] = (low >> SYMBOL_SHIFT) & 0xff;
    if ((high | low) & FAILS) return -1;
    node = low & NODE_MASK;
  }
  return isEnd[node] === 1 ? length : -1;
}

/** The most bytes that an encoded text of this length can hold. */
export function huffmanBytesMax(encodedBytes: number): number {
  return Math.ceil((encodedBytes * 8) / 5);
}

/** children[2 * node + bit]: a node, or ~symbol for a leaf, or 0 where nothing is yet. */
function build(): Decoder {
  const children = new Int32Array(2 * NODES_MAX);
  let nodes = 1;
  let code = 0;
  let lastLength = 0;
  for (const symbol of symbolsByLength()) {
    const length = lengthOf(symbol);
    code *= 2 ** (length - lastLength);
    lastLength = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const place = 2 * node + (Math.floor(code / 2 ** bit) & 1);
      if (children[place] === 0) children[place] = nodes++;
      node = children[place] ?? 0;
    }
    children[2 * node + (code & 1)] = ~symbol;
    code++;
  }
  return { steps: stepsOf(children, nodes), isEnd: endsOf(children, nodes) };
}

function symbolsByLength(): number[] {
  const symbols = Array.from({ length: EOS + 1 }, (_, symbol) => symbol);
  return symbols.sort((one, other) => lengthOf(one) - lengthOf(other) || one - other);
}

function lengthOf(symbol: number): number {
  return Number.parseInt(LENGTHS[symbol] ?? "0", 36);
}

function stepsOf(children: Int32Array, nodes: number): Int32Array {
  const steps = new Int32Array(nodes << BITS);
  for (let start = 0; start < nodes; start++) {
    for (let bits = 0; bits < FANOUT; bits++) {
      steps[(start << BITS) | bits] = stepOf(children, start, bits);
    }
  }
  return steps;
}

function stepOf(children: Int32Array, start: number, bits: number): number {
  let node = start;
  let told = 0;
  for (let bit = BITS - 1; bit >= 0; bit--) {
    const child = children[2 * node + ((bits >> bit) & 1)] ?? 0;
    if (child >= 0) {
      node = child;
      continue;
    }
    if (~child === EOS) return FAILS;
    told = (~child << SYMBOL_SHIFT) | HAS_SYMBOL;
    node = 0;
  }
  return told | node;
}

function endsOf(children: Int32Array, nodes: number): Uint8Array {
  const isEnd = new Uint8Array(nodes);
  let node = 0;
  for (let bits = 0; bits <= PADDING_BITS_MAX; bits++) {
    isEnd[node] = 1;
    node = children[2 * node + 1] ?? 0;
  }
  return isEnd;
}
