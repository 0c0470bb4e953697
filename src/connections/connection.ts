/**
 * One connection of one process, and its two streams. Attachment is what a later stage keeps with
 * it; this stage never looks inside.
 */

import type { Direction, Role, SocketAddress, Transport } from "../model/connection.ts";
import type { HookMessage } from "../model/message.ts";
import type { ByteStream } from "../streams/byte-stream.ts";
import type { End } from "./ends.ts";

export interface Connection<Attachment> {
  readonly id: number;
  readonly processId: number;
  readonly fd: number;
  role: Role;
  readonly transport: Transport;
  readonly remote: SocketAddress | undefined;
  readonly local: SocketAddress | undefined;
  remoteName: string | undefined;
  tls: boolean;
  midstream: boolean;
  readonly streams: Readonly<Record<Direction, ByteStream>>;
  /** What it has written and read, and its other end on this host. */
  readonly end: End;
  /** Sequence number that the next message should have; undefined for senders without numbers. */
  expected: number | undefined;
  /** Messages that came before one that is still missing, oldest first. */
  held: HookMessage[];
  /** When expire() first saw that messages are held; CLOCK_MONOTONIC ns. */
  heldSinceNs: number | undefined;
  /** CLOCK_MONOTONIC ns of the call that began it, or of the first that was seen. */
  readonly startNs: number;
  lastNs: number;
  attachment: Attachment | undefined;
}
