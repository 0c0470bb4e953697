/**
 * Waiting for a message that has to come before one that is here: a program that is not scheduled
 * between a call and its message brings it late. Invariant: what is waited for in vain holds up the
 * others for a tenth of the time at most.
 */
import { limits } from "../limits.ts";

const PAUSES = 9;

export class Patience {
  #againNs = Number.NEGATIVE_INFINITY;

  /** Whether a message of this time may wait on. */
  has(messageNs: number, nowNs: number): boolean {
    if (nowNs < this.#againNs) return false;
    if (nowNs - messageNs < limits.causeWaitNs) return true;
    this.#againNs = nowNs + PAUSES * limits.causeWaitNs;
    return false;
  }
}
