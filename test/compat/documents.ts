/** Documents for web servers, the same bytes and the same times at each call. */
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LARGE_BYTES = 3_000_000;
const UPLOAD_BYTES = 9_000_000;
const MODIFIED_S = 1_700_000_000;

/** Makes `root` with small.txt, large.bin, words.txt and what else is given, and an upload.bin
 * beside it. Servers of other users may write into root/up. */
export function layOutDocuments(
  directory: string,
  others: Readonly<Record<string, string>> = {},
): string {
  const root = join(directory, "root");
  mkdirSync(join(root, "up"), { recursive: true });
  chmodSync(join(root, "up"), 0o777);
  const documents = {
    "small.txt": "a small file\n",
    "large.bin": patternOf(LARGE_BYTES),
    "words.txt": "words that compress well. ".repeat(20_000),
    ...others,
  };
  for (const [name, content] of Object.entries(documents)) {
    writeFileSync(join(root, name), content);
    utimesSync(join(root, name), MODIFIED_S, MODIFIED_S);
  }
  writeFileSync(join(directory, "upload.bin"), patternOf(UPLOAD_BYTES));
  return root;
}

/** Bytes that neither repeat soon nor compress. */
function patternOf(bytes: number): Uint8Array {
  const pattern = new Uint8Array(bytes);
  let state = 1;
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    pattern[at] = state >>> 24;
  }
  return pattern;
}
