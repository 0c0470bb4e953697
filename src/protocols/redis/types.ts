/**
 * What the Redis protocol keeps of a connection. Invariant: everything here is bounded by
 * redisLimits, and nothing holds a value, a password or a script.
 */
import type { Exchange } from "../../model/exchange.ts";
import type { Ordered } from "../doubt.ts";

/** What a command's reply has to change, or how it is paired. */
export type CommandKind =
  | "plain"
  | "select"
  | "client"
  | "multi"
  | "exec"
  | "discard"
  | "reset"
  | "monitor"
  | "subscribe"
  | "unsubscribe"
  | "procedure"
  | "sync"
  | "psync"
  | "replconf"
  | "shutdown"
  | "quit"
  | "sentinel";

/** What is known of a command; see commands.ts. */
export interface Command {
  readonly kind: CommandKind;
  /** Whether the table knows the command. */
  readonly known: boolean;
  /** One letter for each argument; see text.ts. */
  readonly shows: string;
  /** Where the part begins that repeats for all further arguments. */
  readonly repeatFrom: number;
  /** First bytes of the answers that it can have beside errors and null; "" = any. */
  readonly replies: string;
  /** The fewest arguments, the name included; the server refuses less. */
  readonly argumentsMin: number;
}

/** A pipeline (commands of one write) or a transaction, told as one span. */
export interface Batch {
  readonly kind: "PIPELINE" | "MULTI";
  /** What holds the span: the first command. */
  readonly leader: Pending;
  /** Of a transaction without MULTI, EXEC and DISCARD. */
  size: number;
  /** The command that all of them are; undefined when they differ. */
  name: string | undefined;
  /** Of all of them; once as long as they are the same, as often as `repeats` says. */
  text: string;
  repeats: number;
  truncated: boolean;
  /** Members without an answer. */
  unanswered: number;
  /** No member follows. */
  ended: boolean;
  /** MULTI was refused: what follows is not queued. */
  refused: boolean;
  /** Database that a queued SELECT will select. */
  selects: string | undefined;
}

export interface RedisDetail {
  /** As the client wrote it. */
  readonly operation: string;
  readonly kind: CommandKind;
  /** "" when it is not kept. */
  readonly text: string;
  readonly truncated: boolean;
  /** FCALL's function or EVALSHA's digest. */
  readonly procedure: string | undefined;
  /** Told by the first command of its batch. */
  readonly follower: boolean;
  batch: Batch | undefined;
  /** Set when the answer arrives; undefined as long as it is not certain. */
  database: string | undefined;
  /** First words of the errors that came. */
  codes: string[];
  /** EXEC answered null: a watched key had changed. */
  aborted: boolean;
}

/** One command of the client. The object is used again for the next one. */
export interface RequestFrame {
  readonly side: "request";
  command: Command;
  name: string;
  /** Arguments behind the name. */
  count: number;
  /** The first two of them, where the command's meaning depends on them. */
  first: string;
  second: string;
  text: string;
  truncated: boolean;
  startNs: number;
  endNs: number;
  tid: number;
  eventLoop: boolean;
}

/** One answer or message of the server. The object is used again for the next one. */
export interface ReplyFrame {
  readonly side: "response";
  /** The RESP type's first byte. */
  type: number;
  isNull: boolean;
  /** First word of the error; "" when it has none. */
  error: string | undefined;
  /** First words of the errors among an array's elements. */
  errors: readonly string[];
  /** Elements of an aggregate. */
  size: number;
  /** Beginning of a simple string, or an aggregate's first element. */
  word: string;
  /** An aggregate's third element, when that is a number. */
  third: number;
  endNs: number;
  tid: number;
}

/** The direction has ended. */
export interface EndFrame {
  readonly side: "end";
}

export type RedisFrame = RequestFrame | ReplyFrame | EndFrame;

export interface Pending {
  readonly command: Command;
  readonly detail: RedisDetail;
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  /** undefined until there is room for it, and when it has been closed. */
  exchange: Exchange<RedisDetail> | undefined;
  opened: boolean;
  batch: Batch | undefined;
  /** Lower-case name of subscribe and the like, which its confirmations repeat. */
  readonly confirmation: string;
  /** Answers to come; 0 when none is due, NaN when their number is not known yet. */
  left: number;
  /** Of the request's last byte. */
  readonly endNs: number;
  /** SELECT: the database. */
  readonly database: string | undefined;
}

/** Where the reading of one command stands. */
export interface RequestLane {
  /** Arguments that are still to be read, the name included; 0 between commands. */
  left: number;
  /** Index of the next argument; 0 is the name. */
  index: number;
  /** Bytes of an inline command that were searched for its end. */
  scanned: number;
  /** The pattern's place and what is left of a counted run of keys; see text.ts. */
  place: number;
  keysLeft: number;
  readonly frame: RequestFrame;
}

/** Where the reading of one answer stands. */
export interface ReplyLane {
  depth: number;
  /** Elements to come of each aggregate around; Infinity of a streamed one. */
  readonly remaining: number[];
  /** Whether the aggregate is an attribute, which comes before a value. */
  readonly isAttribute: boolean[];
  attributes: number;
  /** Inside a streamed string, or a line longer than what is kept of one. */
  streaming: boolean;
  inLine: boolean;
  /** Elements of the outermost aggregate that have begun. */
  elements: number;
  /** Something of the answer was read. */
  begun: boolean;
  errors: string[];
  readonly frame: ReplyFrame;
}

export interface RedisState extends Ordered {
  /** In doubt: the last request, when its answer may show that there is no doubt any more. */
  held: Pending | undefined;
  readonly request: RequestLane;
  readonly reply: ReplyLane;
  /** Requests without an answer, oldest first, from queueStart on. */
  queue: Pending[];
  queueStart: number;
  queueChars: number;
  /** Exchanges that this state has opened and not closed. */
  openCount: number;
  /** Entries of the queue that have no exchange yet. */
  unopened: number;

  /** A further command of the same write joins it in a pipeline. */
  pipelineLeader: Pending | undefined;
  transaction: Batch | undefined;
  /** off: no command is answered. skip: neither this command nor the next is. */
  replies: "on" | "off" | "skip";
  /** undefined when it is not known. */
  database: string | undefined;
  isSentinel: boolean;
  isMonitoring: boolean;
  /** Subscriptions; NaN when not known. */
  channels: number;
  patterns: number;
  shards: number;
  /** Confirmations came as arrays (RESP2): then messages do, too. */
  hasArrayMessages: boolean;
  /** Since the connection began nothing was missed. */
  isWhole: boolean;
}
