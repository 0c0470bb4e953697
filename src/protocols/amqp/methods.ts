/**
 * The methods of AMQP 0-9-1 (the specification's XML with RabbitMQ's extensions): which side sends
 * them, what their arguments are, and what answers them.
 */
import type { Side } from "../../model/connection.ts";

export function methodOf(classId: number, methodId: number): number {
  return classId * 0x10000 + methodId;
}

export const Method = {
  start: methodOf(10, 10),
  startOk: methodOf(10, 11),
  secure: methodOf(10, 20),
  secureOk: methodOf(10, 21),
  tune: methodOf(10, 30),
  tuneOk: methodOf(10, 31),
  open: methodOf(10, 40),
  openOk: methodOf(10, 41),
  close: methodOf(10, 50),
  closeOk: methodOf(10, 51),
  blocked: methodOf(10, 60),
  unblocked: methodOf(10, 61),
  channelOpen: methodOf(20, 10),
  channelOpenOk: methodOf(20, 11),
  channelFlow: methodOf(20, 20),
  channelFlowOk: methodOf(20, 21),
  channelClose: methodOf(20, 40),
  channelCloseOk: methodOf(20, 41),
  queueDeclare: methodOf(50, 10),
  queueDeclareOk: methodOf(50, 11),
  queueUnbind: methodOf(50, 50),
  consume: methodOf(60, 20),
  consumeOk: methodOf(60, 21),
  cancel: methodOf(60, 30),
  cancelOk: methodOf(60, 31),
  publish: methodOf(60, 40),
  return: methodOf(60, 50),
  deliver: methodOf(60, 60),
  get: methodOf(60, 70),
  getOk: methodOf(60, 71),
  getEmpty: methodOf(60, 72),
  ack: methodOf(60, 80),
  reject: methodOf(60, 90),
  nack: methodOf(60, 120),
  confirmSelect: methodOf(85, 10),
  confirmSelectOk: methodOf(85, 11),
} as const;

export interface MethodInfo {
  readonly name: string;
  /** Who sends it. */
  readonly from: Side | "both";
  /**
   * Arguments up to the last one that matters: 1 2 4 passed over, q queue, x exchange, r routing
   * key, g consumer tag, s another short string, d delivery tag, b bits, c reply code, t reply
   * text, m class and method.
   */
  readonly layout: string;
  /** Of a synchronous method: what answers it. */
  readonly answer: number;
  /** The bit that says that no answer is wanted; 0 = there is none. */
  readonly noWait: number;
  /** Makes no span unless it fails. */
  readonly quiet: boolean;
}

interface Row {
  readonly ids: readonly [classId: number, methodId: number];
  readonly name: string;
  readonly from: Side | "both";
  readonly layout?: string;
  readonly answer?: readonly [classId: number, methodId: number];
  readonly noWait?: number;
  readonly quiet?: boolean;
}

const rows: readonly Row[] = [
  { ids: [10, 10], name: "connection.start", from: "response" },
  { ids: [10, 11], name: "connection.start-ok", from: "request", answer: [10, 30], quiet: true },
  { ids: [10, 20], name: "connection.secure", from: "response" },
  { ids: [10, 21], name: "connection.secure-ok", from: "request" },
  { ids: [10, 30], name: "connection.tune", from: "response" },
  { ids: [10, 31], name: "connection.tune-ok", from: "request", layout: "2n" },
  { ids: [10, 40], name: "connection.open", from: "request", answer: [10, 41], quiet: true },
  { ids: [10, 41], name: "connection.open-ok", from: "response" },
  { ids: [10, 50], name: "connection.close", from: "both", layout: "ctm", answer: [10, 51] },
  { ids: [10, 51], name: "connection.close-ok", from: "both" },
  { ids: [10, 60], name: "connection.blocked", from: "response", layout: "t" },
  { ids: [10, 61], name: "connection.unblocked", from: "response" },
  { ids: [10, 70], name: "connection.update-secret", from: "request", answer: [10, 71] },
  { ids: [10, 71], name: "connection.update-secret-ok", from: "response" },
  { ids: [20, 10], name: "channel.open", from: "request", answer: [20, 11], quiet: true },
  { ids: [20, 11], name: "channel.open-ok", from: "response" },
  { ids: [20, 20], name: "channel.flow", from: "both", answer: [20, 21] },
  { ids: [20, 21], name: "channel.flow-ok", from: "both" },
  { ids: [20, 40], name: "channel.close", from: "both", layout: "ctm", answer: [20, 41] },
  { ids: [20, 41], name: "channel.close-ok", from: "both" },
  { ids: [40, 10], name: "exchange.declare", from: "request", layout: "2xsb", noWait: 16 },
  { ids: [40, 11], name: "exchange.declare-ok", from: "response" },
  { ids: [40, 20], name: "exchange.delete", from: "request", layout: "2xb", noWait: 2 },
  { ids: [40, 21], name: "exchange.delete-ok", from: "response" },
  { ids: [40, 30], name: "exchange.bind", from: "request", layout: "2xsrb", noWait: 1 },
  { ids: [40, 31], name: "exchange.bind-ok", from: "response" },
  {
    ids: [40, 40],
    name: "exchange.unbind",
    from: "request",
    layout: "2xsrb",
    answer: [40, 51],
    noWait: 1,
  },
  { ids: [40, 51], name: "exchange.unbind-ok", from: "response" },
  { ids: [50, 10], name: "queue.declare", from: "request", layout: "2qb", noWait: 16 },
  { ids: [50, 11], name: "queue.declare-ok", from: "response", layout: "q" },
  { ids: [50, 20], name: "queue.bind", from: "request", layout: "2qxrb", noWait: 1 },
  { ids: [50, 21], name: "queue.bind-ok", from: "response" },
  { ids: [50, 30], name: "queue.purge", from: "request", layout: "2qb", noWait: 1 },
  { ids: [50, 31], name: "queue.purge-ok", from: "response" },
  { ids: [50, 40], name: "queue.delete", from: "request", layout: "2qb", noWait: 4 },
  { ids: [50, 41], name: "queue.delete-ok", from: "response" },
  { ids: [50, 50], name: "queue.unbind", from: "request", layout: "2qxr", answer: [50, 51] },
  { ids: [50, 51], name: "queue.unbind-ok", from: "response" },
  { ids: [60, 10], name: "basic.qos", from: "request", answer: [60, 11] },
  { ids: [60, 11], name: "basic.qos-ok", from: "response" },
  { ids: [60, 20], name: "basic.consume", from: "request", layout: "2qgb", noWait: 8 },
  { ids: [60, 21], name: "basic.consume-ok", from: "response", layout: "g" },
  {
    ids: [60, 30],
    name: "basic.cancel",
    from: "both",
    layout: "gb",
    answer: [60, 31],
    noWait: 1,
  },
  { ids: [60, 31], name: "basic.cancel-ok", from: "both", layout: "g" },
  { ids: [60, 40], name: "publish", from: "request", layout: "2xrb" },
  { ids: [60, 50], name: "return", from: "response", layout: "ctxr" },
  { ids: [60, 60], name: "deliver", from: "response", layout: "gdbxr" },
  { ids: [60, 70], name: "get", from: "request", layout: "2qb" },
  { ids: [60, 71], name: "get-ok", from: "response", layout: "dbxr" },
  { ids: [60, 72], name: "get-empty", from: "response" },
  { ids: [60, 80], name: "ack", from: "both", layout: "db" },
  { ids: [60, 90], name: "reject", from: "request", layout: "db" },
  { ids: [60, 100], name: "basic.recover-async", from: "request" },
  { ids: [60, 110], name: "basic.recover", from: "request", answer: [60, 111] },
  { ids: [60, 111], name: "basic.recover-ok", from: "response" },
  { ids: [60, 120], name: "nack", from: "both", layout: "db" },
  { ids: [85, 10], name: "confirm.select", from: "request", layout: "b", noWait: 1 },
  { ids: [85, 11], name: "confirm.select-ok", from: "response" },
  { ids: [90, 10], name: "tx.select", from: "request", answer: [90, 11] },
  { ids: [90, 11], name: "tx.select-ok", from: "response" },
  { ids: [90, 20], name: "tx.commit", from: "request", answer: [90, 21] },
  { ids: [90, 21], name: "tx.commit-ok", from: "response" },
  { ids: [90, 30], name: "tx.rollback", from: "request", answer: [90, 31] },
  { ids: [90, 31], name: "tx.rollback-ok", from: "response" },
];

/** By class and method. */
export const methods: ReadonlyMap<number, MethodInfo> = new Map(
  rows.map(({ ids: [classId, methodId], name, from, layout, answer, noWait, quiet }) => [
    methodOf(classId, methodId),
    {
      name,
      from,
      layout: layout ?? "",
      answer: answerOf(methodOf(classId, methodId), answer, noWait),
      noWait: noWait ?? 0,
      quiet: quiet ?? false,
    },
  ]),
);

/** What can be done without an answer is answered by the method that follows it in the table. */
function answerOf(method: number, answer: Row["answer"], noWait: number | undefined): number {
  if (answer !== undefined) return methodOf(...answer);
  return noWait === undefined ? 0 : method + 1;
}

const answers: ReadonlySet<number> = new Set(
  Array.from(methods.values(), ({ answer }) => answer).filter((answer) => answer > 0),
);

/** Whether it answers a synchronous method. */
export function isAnswer(method: number): boolean {
  return answers.has(method);
}

export const Bit = { mandatory: 1, noAckOfConsume: 2, noAckOfGet: 1, multiple: 1 } as const;

/** nack has multiple before requeue; reject has requeue alone. */
export function requeues(method: number, bits: number): boolean {
  return (bits & (method === Method.nack ? 2 : 1)) !== 0;
}
