/**
 * Messages of one process that wait to be delivered, by time. Invariant: messages of the same time
 * stay in the order of their arrival.
 */
import type { HookMessage } from "../model/message.ts";

/** Messages are nearly in order already; beyond so many places a whole sort is cheaper. */
const INSERT_PLACES_MAX = 64;

export class MessageQueue {
  readonly #messages: HookMessage[] = [];
  #next = 0;
  #sorted = true;

  get length(): number {
    return this.#messages.length - this.#next;
  }

  /** Time of the first message; Infinity when there is none. To be asked after sort(). */
  get headNs(): number {
    return this.#messages[this.#next]?.timeNs ?? Number.POSITIVE_INFINITY;
  }

  push(message: HookMessage): void {
    const messages = this.#messages;
    let place = messages.length;
    messages.push(message);
    const lowest = Math.max(this.#next, place - INSERT_PLACES_MAX);
    while (place > lowest) {
      const before = messages[place - 1];
      if (before === undefined || before.timeNs <= message.timeNs) break;
      messages[place] = before;
      place--;
    }
    messages[place] = message;
    const before = messages[place - 1];
    if (place > this.#next && before !== undefined && before.timeNs > message.timeNs) {
      this.#sorted = false;
    }
  }

  /** The first message. To be asked after sort(). */
  get head(): HookMessage | undefined {
    return this.#messages[this.#next];
  }

  /** Forgets what was delivered and puts the rest in order. */
  sort(): void {
    if (this.#next > 0) {
      this.#messages.copyWithin(0, this.#next);
      this.#messages.length -= this.#next;
      this.#next = 0;
    }
    if (this.#sorted) return;
    this.#messages.sort((a, b) => a.timeNs - b.timeNs);
    this.#sorted = true;
  }

  /** Takes the first message. */
  shift(): HookMessage | undefined {
    const message = this.#messages[this.#next];
    if (message !== undefined) this.#next++;
    return message;
  }
}
