/** What the Memcached protocol keeps of a connection: names, hidden keys and counts, no value. */
import type { Exchange } from "../../model/exchange.ts";
import type { Ordered } from "../doubt.ts";

/** Which answers a command can have. */
export type CommandKind = "values" | "store" | "number" | "line" | "stats" | "meta" | "noop";

export interface MemcachedDetail {
  /** As the client wrote it. */
  readonly operation: string;
  readonly text: string;
  readonly truncated: boolean;
  /** Values in the answer; undefined of commands that get none. */
  values: number | undefined;
  /** ERROR, CLIENT_ERROR or SERVER_ERROR; the binary protocol's status. */
  error: string | undefined;
}

export interface RequestFrame {
  readonly side: "request";
  readonly kind: CommandKind;
  readonly name: string;
  readonly text: string;
  readonly truncated: boolean;
  /** Never answered (noreply), but for errors in the command itself. */
  readonly noreply: boolean;
  /** A meta command that is answered only when there is something to say. */
  readonly quiet: boolean;
  /** A meta command's opaque token; it comes back with the answer. */
  readonly opaque: string | undefined;
  /** As they were sent; undefined when they are too long to be kept. */
  readonly keys: readonly string[] | undefined;
  readonly startNs: number;
  endNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
}

export interface ReplyFrame {
  readonly side: "response";
  /** The word that ends the answer. */
  readonly word: string;
  /** How the answer began, when it has several lines: VALUE or STAT. */
  readonly first: string;
  readonly values: number;
  /** Of the first value (VALUE); "" when there is none. */
  readonly key: string;
  readonly opaque: string | undefined;
  readonly endNs: number;
  readonly tid: number;
}

export type MemcachedFrame = RequestFrame | ReplyFrame;

export interface Pending {
  readonly exchange: Exchange<MemcachedDetail>;
  readonly frame: RequestFrame;
}

export interface MemcachedState extends Ordered {
  readonly pending: Pending[];
  /** In doubt: the last command, when its answer may show that there is no doubt any more. */
  held: Pending | undefined;
  /** The command whose data block is being passed. */
  storing: RequestFrame | undefined;
  /** Bytes of a line that were searched for its end. */
  scanned: Record<"request" | "response", number>;
  /** Lines of the answer under way. */
  first: string;
  /** Of the first value. */
  firstKey: string;
  values: number;
  /** The answer ends with the data that is being passed (VA). */
  ending: { readonly opaque: string | undefined } | undefined;
}
