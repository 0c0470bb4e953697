/**
 * Calls as text, for inputs that once failed: one line each, ">" or "<" for the side, the bytes in
 * base64, then what else happened (missing=N, lost, end). Invariant: read and written are the same.
 */
import { readFileSync } from "node:fs";
import type { Call } from "./driven.ts";

export function writtenCalls(calls: readonly Call[]): string {
  return calls
    .map(({ side, bytes, missing, lostBefore, ends }) => {
      const words = [side === "request" ? ">" : "<", Buffer.from(bytes).toString("base64") || "-"];
      if (missing !== undefined) words.push(`missing=${missing}`);
      if (lostBefore === true) words.push("lost");
      if (ends === true) words.push("end");
      return words.join(" ");
    })
    .join("\n");
}

/** Lines that begin with "#" are remarks. */
export function readCalls(path: string): Call[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "" && !line.startsWith("#")).map(callOf);
}

function callOf(line: string): Call {
  const [mark = "", text = "", ...words] = line.split(" ");
  if (mark !== ">" && mark !== "<") throw new Error(`not a call: ${line}`);
  const bytes = text === "-" ? new Uint8Array(0) : new Uint8Array(Buffer.from(text, "base64"));
  let call: Call = { side: mark === ">" ? "request" : "response", bytes };
  for (const word of words) {
    if (word.startsWith("missing=")) call = { ...call, missing: Number(word.slice(8)) };
    else if (word === "lost") call = { ...call, lostBefore: true };
    else if (word === "end") call = { ...call, ends: true };
    else throw new Error(`not understood: ${word}`);
  }
  return call;
}
