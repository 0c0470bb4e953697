/**
 * Messages of many processes → one sequence in the order of time. Invariant: of two messages that
 * are there, the earlier is delivered first; at the same time the lower source comes first.
 */
import type { HookMessage } from "../model/message.ts";
import type { MessageQueue } from "./message-queue.ts";

export interface MergeSource {
  readonly id: number;
  readonly queue: MessageQueue;
}

export interface MergeBounds<Source> {
  /** Messages up to this time are delivered. */
  readonly cutoffNs: number;
  /** But no more than so many. */
  readonly messagesMax: number;
  /** The message, and all that come behind it, have to wait. */
  readonly waits: (source: Source, message: HookMessage) => boolean;
}

/** Delivers messages in the order of time. The queues must be sorted. Returns how many it were. */
export function deliverMerged<Source extends MergeSource>(
  sources: readonly Source[],
  { cutoffNs, messagesMax, waits }: MergeBounds<Source>,
  deliver: (source: Source, message: HookMessage) => void,
): number {
  const heap: Source[] = [];
  for (const source of sources) {
    if (isDue(source, cutoffNs)) heap.push(source);
  }
  for (let place = (heap.length >> 1) - 1; place >= 0; place--) siftDown(heap, place);
  let delivered = 0;
  for (let first = heap[0]; first !== undefined; first = heap[0]) {
    if (delivered >= messagesMax) break;
    const rival = comesFirst(heap[2], heap[1]) ? heap[2] : heap[1];
    do {
      const message = first.queue.head;
      if (message === undefined) break;
      if (waits(first, message)) return delivered;
      first.queue.shift();
      deliver(first, message);
      delivered++;
      if (delivered >= messagesMax) break;
    } while (isDue(first, cutoffNs) && !comesFirst(rival, first));
    if (isDue(first, cutoffNs)) siftDown(heap, 0);
    else removeFirst(heap);
  }
  return delivered;
}

/** An empty queue's head is at Infinity, which is a cutoff, too. */
function isDue({ queue }: MergeSource, cutoffNs: number): boolean {
  return queue.length > 0 && queue.headNs <= cutoffNs;
}

function comesFirst(a: MergeSource | undefined, b: MergeSource | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined;
  const aNs = a.queue.headNs;
  const bNs = b.queue.headNs;
  return aNs < bNs || (aNs === bNs && a.id < b.id);
}

function removeFirst<Source extends MergeSource>(heap: Source[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  siftDown(heap, 0);
}

function siftDown<Source extends MergeSource>(heap: Source[], start: number): void {
  let place = start;
  for (;;) {
    const left = heap[2 * place + 1];
    const right = heap[2 * place + 2];
    const smaller = comesFirst(right, left) ? right : left;
    const parent = heap[place];
    if (smaller === undefined || parent === undefined || !comesFirst(smaller, parent)) return;
    heap[place] = smaller;
    place = 2 * place + (smaller === right ? 2 : 1);
    heap[place] = parent;
  }
}
