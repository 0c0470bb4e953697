/** What the binary protocol keeps of a connection: names, keys and counts, no value. */
import type { Exchange } from "../../model/exchange.ts";
import type { Ordered } from "../doubt.ts";
import type { Operation } from "./opcodes.ts";
import type { MemcachedDetail } from "./types.ts";

export interface BinaryRequest {
  readonly side: "request";
  readonly opcode: number;
  /** undefined of operations that the table lacks; they are taken as not quiet. */
  readonly operation: Operation | undefined;
  readonly opaque: number;
  /** As it was sent, for the comparison with the answer's; "" where that has none. */
  readonly key: string;
  readonly text: string;
  readonly startNs: number;
  endNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
}

export interface BinaryReply {
  readonly side: "response";
  readonly opcode: number;
  readonly opaque: number;
  readonly status: number;
  /** "" when it has none. */
  readonly key: string;
  endNs: number;
  tid: number;
}

/** The server has no more to say. */
export interface BinaryEnd {
  readonly side: "end";
}

export type BinaryFrame = BinaryRequest | BinaryReply | BinaryEnd;

export interface BinaryPending {
  readonly exchange: Exchange<MemcachedDetail>;
  readonly frame: BinaryRequest;
}

export interface BinaryState extends Ordered {
  /** Requests without an answer, oldest first, from pendingStart on. */
  pending: BinaryPending[];
  pendingStart: number;
  /** In doubt: the last request, when its answer may show that there is no doubt any more. */
  held: BinaryPending | undefined;
  /** How many quiet ones of them an answer may mean, by what it would repeat. */
  readonly quiet: Map<string, number>;
  /** In doubt: quiet ones may still be answered. */
  isQuietDue: boolean;
  /** An answer came that several quiet ones may have: which of them had none is not known. */
  isUnsure: boolean;
  /** What is told when its body has passed. */
  passing: { request: BinaryRequest | undefined; response: BinaryReply | undefined };
  /** Packets of Stat's answer have come, and not the last. */
  statBegun: boolean;
}
