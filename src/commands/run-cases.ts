/** Starts olly from its sources, for the tests of commands. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = join(import.meta.dir, "../main.ts");

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface OllyOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** A directory for one test file, and olly with an agent's socket that nobody else uses. */
export class OllyCases {
  readonly directory = mkdtempSync(join(tmpdir(), "olly-cases-"));

  path(name: string): string {
    return join(this.directory, name);
  }

  start(args: readonly string[], options: OllyOptions = {}) {
    return Bun.spawn([process.execPath, main, ...args], {
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: process.env["HOME"] ?? "",
        OLLY_SOCKET: this.path("agent/hook.sock"),
        ...options.environment,
      },
      stdin: new Blob([options.stdin ?? ""]),
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  async run(args: readonly string[], options: OllyOptions = {}): Promise<Finished> {
    const process = this.start(args, options);
    const [stdout, stderr, code] = await Promise.all([
      process.stdout.text(),
      process.stderr.text(),
      process.exited,
    ]);
    return { code, stdout, stderr };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
