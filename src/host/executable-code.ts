/**
 * The memory that this process's own executable is mapped into. Invariant: only what is in the file
 * as it is in memory is let go of: it can neither be written to, nor has it been changed.
 */
import { readFileSync, readlinkSync } from "node:fs";

/** A mapping as /proc/self/smaps shows it. */
export interface Mapping {
  readonly start: number;
  readonly bytes: number;
}

const HEAD = /^([0-9a-f]+)-([0-9a-f]+) (r-[-x]p) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ +(.*)$/;
/** Pages that are this process's own: a debugger's breakpoints, relocated data. */
const OWN_PAGES = /^Anonymous: +(\d+) kB$/;

/** Mappings of a file that nobody has written to, of the text of smaps(5). */
export function unchangedMappings(smaps: string, path: string): Mapping[] {
  const mappings: Mapping[] = [];
  let mapping: Mapping | undefined;
  for (const line of smaps.split("\n")) {
    const head = HEAD.exec(line);
    if (head !== null) {
      const [, start = "", end = "", , file] = head;
      const first = Number.parseInt(start, 16);
      const bytes = Number.parseInt(end, 16) - first;
      mapping = file === path ? { start: first, bytes } : undefined;
    } else if (/^[0-9a-f]+-/.test(line)) {
      mapping = undefined;
    } else if (mapping !== undefined && OWN_PAGES.exec(line)?.[1] === "0") {
      mappings.push(mapping);
      mapping = undefined;
    }
  }
  return mappings;
}

/** Calls `letGo` for each of them; on a system that does not show them, for none. */
export function letGoOfExecutable(letGo: (mapping: Mapping) => void): void {
  try {
    const path = readlinkSync("/proc/self/exe");
    for (const mapping of unchangedMappings(readFileSync("/proc/self/smaps", "latin1"), path)) {
      letGo(mapping);
    }
  } catch {
    // Without /proc the code stays where it is.
  }
}
