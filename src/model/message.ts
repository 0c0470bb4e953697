/** One message of libolly, decoded. The numbers are those of libolly/include/olly_wire.h. */

export const MessageType = {
  connect: 1,
  dataOut: 2,
  dataIn: 3,
  close: 4,
  sslOut: 5,
  sslIn: 6,
  accept: 7,
  logWrite: 8,
  process: 16,
  lookup: 17,
  syslog: 18,
  datagramSocket: 19,
  datagramOut: 20,
  datagramIn: 21,
} as const;

const typeNames: readonly string[] = Object.entries(MessageType).reduce<string[]>(
  (names, [name, type]) => {
    names[type] = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return names;
  },
  [],
);

/** connect, data_out, … as counters name it. */
export function messageTypeName(type: number): string {
  return typeNames[type] ?? "unknown";
}

export const MessageFlag = {
  unix: 0x01,
  injected: 0x02,
  midstream: 0x04,
  roleUnknown: 0x08,
  eventLoop: 0x10,
  sequenced: 0x80,
} as const;

export interface HookMessage {
  /** One of MessageType. */
  readonly type: number;
  /** Bits of MessageFlag. */
  readonly flags: number;
  /** Counts the messages of the connection modulo 65536 when the sequenced flag is set. */
  readonly sequence: number;
  /** As the sender wrote it; identity comes from the ring or the socket credentials. */
  readonly pid: number;
  readonly tid: number;
  /** The descriptor; of a syslog message its priority. */
  readonly fd: number;
  /** Bytes really read or written; at least payload.length. */
  readonly wireLength: number;
  /** CLOCK_MONOTONIC nanoseconds: before the call for writes, after it for reads. */
  readonly timeNs: number;
  /** Captured bytes. Valid only while the message is being handled: copy what must stay. */
  readonly payload: Uint8Array;
}
