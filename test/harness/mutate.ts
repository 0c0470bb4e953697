/**
 * Calls of a program, changed as a hostile peer, a broken capture or another protocol would change
 * them. Invariant: the same random numbers give the same calls.
 */
import type { Call } from "./driven.ts";
import type { Step } from "./stream-cases.ts";

export type Random = () => number;

type Mutation = (calls: Call[], random: Random) => void;

/** Values that lengths, counts and types like to break on. */
const EDGES = [0, 1, 2, 10, 13, 32, 34, 39, 42, 58, 63, 64, 127, 128, 129, 192, 254, 255];
const LENGTHS = [
  [0, 0, 0, 0],
  [0, 0, 0, 1],
  [0, 0, 0, 3],
  [127, 255, 255, 255],
  [128, 0, 0, 0],
  [255, 255, 255, 255],
  [255, 255, 255, 254],
  [0, 255, 255, 255],
  [0, 0, 255, 255],
];

export function callsOf(steps: readonly Step[]): Call[] {
  return steps.flatMap(({ side, bytes: shared, gap, end }) => {
    // A copy, because a Buffer's slice() is none.
    const bytes = new Uint8Array(shared);
    const call: Call = end === true ? { side, bytes, ends: true } : { side, bytes };
    return gap === undefined ? [call] : [{ side, bytes: new Uint8Array(0), missing: gap }, call];
  });
}

export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[below(random, items.length)] as Item;
}

/** Changes a copy of one call's bytes in place. */
function edit(change: (bytes: Uint8Array, at: number, random: Random) => void): Mutation {
  return (calls, random) => {
    const index = below(random, calls.length);
    const call = calls[index];
    if (call === undefined || call.bytes.length === 0) return;
    const bytes = call.bytes.slice();
    change(bytes, below(random, bytes.length), random);
    calls[index] = { ...call, bytes };
  };
}

/** Puts other bytes in place of a part of one call's. */
function splice(replacement: (bytes: Uint8Array, random: Random) => Uint8Array): Mutation {
  return (calls, random) => {
    const index = below(random, calls.length);
    const call = calls[index];
    if (call === undefined) return;
    const from = below(random, call.bytes.length + 1);
    const to = random() < 0.5 ? from : from + below(random, call.bytes.length - from + 1);
    const middle = replacement(call.bytes, random);
    const bytes = new Uint8Array([
      ...call.bytes.subarray(0, from),
      ...middle,
      ...call.bytes.subarray(to),
    ]);
    calls[index] = { ...call, bytes };
  };
}

const noise = (_bytes: Uint8Array, random: Random) =>
  Uint8Array.from({ length: below(random, 40) }, () => below(random, 256));

const MUTATIONS: readonly Mutation[] = [
  edit((bytes, at, random) => {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
  }),
  edit((bytes, at, random) => {
    bytes[at] = pick(random, EDGES);
  }),
  edit((bytes, at, random) => {
    const length = pick(random, LENGTHS).slice(0, bytes.length - at);
    bytes.set(random() < 0.5 ? length : length.reverse(), at);
  }),
  edit((bytes, at, random) => {
    bytes.fill(pick(random, EDGES), at, at + 1 + below(random, 64));
  }),
  splice(noise),
  splice(() => new Uint8Array(0)),
  splice((bytes, random) => {
    const from = below(random, bytes.length + 1);
    return bytes.subarray(from, from + below(random, 200));
  }),
  splice((bytes, random) => {
    const byte = bytes[below(random, bytes.length)] ?? 0;
    return new Uint8Array(below(random, 3_000)).fill(byte);
  }),
  (calls, random) => {
    calls.splice(below(random, calls.length), 1 + below(random, 3));
  },
  (calls, random) => {
    const from = below(random, calls.length);
    calls.splice(below(random, calls.length + 1), 0, ...calls.slice(from, from + 3));
  },
  (calls, random) => {
    const index = below(random, calls.length);
    const [call] = calls.splice(index, 1);
    if (call !== undefined) calls.splice(below(random, calls.length + 1), 0, call);
  },
  (calls, random) => {
    const index = below(random, calls.length);
    const call = calls[index];
    if (call === undefined) return;
    calls[index] = { ...call, side: call.side === "request" ? "response" : "request" };
  },
  (calls, random) => {
    const index = below(random, calls.length);
    const call = calls[index];
    if (call === undefined || call.bytes.length < 2) return;
    const kept = below(random, call.bytes.length);
    const missing = call.bytes.length - kept;
    calls[index] = { ...call, bytes: call.bytes.subarray(0, kept), missing };
  },
  (calls, random) => {
    const index = below(random, calls.length);
    const call = calls[index];
    if (call !== undefined) calls[index] = { ...call, lostBefore: true };
  },
  (calls, random) => {
    const index = below(random, calls.length);
    const call = calls[index];
    if (call !== undefined) calls[index] = { ...call, ends: true };
  },
];

/** A few changes, one upon the other. */
export function mutated(calls: readonly Call[], random: Random): Call[] {
  const changed = [...calls];
  const count = 1 + below(random, 4);
  for (let round = 0; round < count && changed.length > 0; round++) {
    pick(random, MUTATIONS)(changed, random);
  }
  return changed;
}

/** The same bytes in other pieces: calls of one side in a row are joined, all are cut anew. */
export function recut(calls: readonly Call[], random: Random): Call[] {
  const pieces: Call[] = [];
  for (const call of calls) {
    for (let from = 0; from < call.bytes.length; ) {
      const most = random() < 0.3 ? 4 : call.bytes.length;
      const to = Math.min(call.bytes.length, from + 1 + below(random, most));
      pieces.push({ side: call.side, bytes: call.bytes.subarray(from, to) });
      from = to;
    }
  }
  return pieces;
}
