/**
 * Requests by curl whose answers are told: status and headers but for dates, and the checksum of
 * the body.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Play } from "./twice.ts";

/** A request's name and curl's arguments for it. */
export type Request = readonly [name: string, ...curlArguments: readonly string[]];

const PARALLEL = 12;

export function checksum(bytes: Uint8Array | string): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** One curl for each request. */
export async function askHttp(play: Play, requests: readonly Request[]): Promise<void> {
  const headers = join(play.directory, "answer-headers");
  const body = join(play.directory, "answer-body");
  for (const [name, ...curlArguments] of requests) {
    rmSync(body, { force: true });
    await play.ask(`${name}: curl`, [
      ...["curl", "-sS", "-k", "-D", headers, "-o", body],
      ...curlArguments,
    ]);
    play.tell(`${name}: headers`, withoutDates(readFileSync(headers, "utf8")));
    play.tell(`${name}: body`, existsSync(body) ? bodyOf(body) : "none");
  }
}

/** As many requests of the same URL over a few connections at once; they have to be answered. */
export async function askInParallel(play: Play, name: string, url: string, count: number) {
  const write = "%{http_code} %{size_download}\\n";
  await play.ask(name, [
    ...["curl", "-sS", "--no-progress-meter", "-k", "-Z", "--parallel-max", String(PARALLEL)],
    ...["-o", "/dev/null", "-w", write, `${url}?[1-${count}]`],
  ]);
}

/** curl writes the headers of a HEAD request there, too. */
function bodyOf(file: string): string {
  return checksum(withoutDates(readFileSync(file, "latin1")));
}

function withoutDates(headers: string): string {
  return headers.replace(/^(date|expires): .*$/gim, "$1");
}
