/**
 * Tells of failures without flooding: the same message once a minute at most.
 * Invariant: the first failure and every recovery are told at once.
 */
import type { ExportLog } from "./destination.ts";

const REPEAT_NS = 60e9;

export class Notices {
  readonly #log: ExportLog;
  #lastMessage: string | undefined;
  #lastNs = 0;

  constructor(log: ExportLog) {
    this.#log = log;
  }

  warn(message: string, nowNs: number): void {
    if (message === this.#lastMessage && nowNs - this.#lastNs < REPEAT_NS) return;
    this.#lastMessage = message;
    this.#lastNs = nowNs;
    this.#log.warn(message);
  }

  /** Tells of a recovery, if a failure was told before. */
  recovered(message: string): void {
    if (this.#lastMessage === undefined) return;
    this.#lastMessage = undefined;
    this.#log.info(message);
  }
}
