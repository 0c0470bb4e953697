/** What test/fetch.sh has made. Invariant: nothing is fetched here; what is missing is an error. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { output } from "./processes.ts";

const script = resolve(import.meta.dir, "../fetch.sh");

/** The directory of one of them, by its name. */
export async function fetched(what: string): Promise<string> {
  const directory = (await output(["sh", script, "path", what])).trim();
  if (!existsSync(directory)) {
    throw new Error(`${what} is missing: run test/require.sh first`);
  }
  return directory;
}
