import { describe, expect, test } from "bun:test";
import { limits } from "../limits.ts";
import { type HookMessage, MessageFlag, MessageType } from "../model/message.ts";
import { Drops } from "../self/drops.ts";
import { sequenceDistance } from "./sequence.ts";
import { ConnectionTracker } from "./tracker.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function setUp() {
  const drops = new Drops();
  const seen: string[] = [];
  const tracker = new ConnectionTracker<never>({
    drops,
    endpointsOf: (message) =>
      message.payload.length === 0
        ? undefined
        : {
            transport: "tcp",
            remote: { address: text(message.payload), port: 1 },
            local: undefined,
          },
    datagramEndpointsOf: () => undefined,
    datagramOf: () => undefined,
    events: {
      data: (connection, direction) => {
        const stream = connection.streams[direction];
        seen.push(
          `${connection.fd} ${direction} ${text(stream.bytes.subarray(stream.start, stream.end))}`,
        );
        stream.clear();
      },
      uncaptured: (connection, direction, length) =>
        seen.push(`${connection.fd} ${direction} +${length}`),
      lost: (connection) => seen.push(`${connection.fd} lost`),
      ended: (connection, direction) => seen.push(`${connection.fd} ${direction} end`),
      plaintext: (connection) => seen.push(`${connection.fd} plaintext`),
      closed: (connection) => seen.push(`${connection.fd} closed`),
      abandoned: () => 0,
    },
  });
  let now = 0;
  const message = (type: number, fields: Partial<HookMessage> & { data?: string } = {}) => {
    now++;
    const payload = new TextEncoder().encode(fields.data ?? "");
    const { data: _data, ...rest } = fields;
    return {
      type,
      flags: 0,
      sequence: 0,
      pid: 1,
      tid: 1,
      fd: 5,
      wireLength: payload.length,
      timeNs: now,
      payload,
      ...rest,
    } satisfies HookMessage;
  };
  return { tracker, seen, drops, message };
}

const sequenced = (sequence: number) => ({ flags: MessageFlag.sequenced, sequence });

describe("ConnectionTracker", () => {
  test("an old sender's messages make a connection with a role and its data", () => {
    const { tracker, seen, message } = setUp();
    tracker.apply(1, message(MessageType.connect, { data: "peer" }));
    expect(tracker.find(1, 5)).toMatchObject({ role: "client", midstream: false });
    tracker.apply(1, message(MessageType.dataOut, { data: "ask" }));
    tracker.apply(1, message(MessageType.dataIn, { data: "answer", wireLength: 100 }));
    tracker.apply(1, message(MessageType.dataIn));
    tracker.apply(1, message(MessageType.close));
    expect(seen).toEqual(["5 out ask", "5 in answer", "5 in +94", "5 in end", "5 closed"]);
    expect(tracker.size).toBe(0);
  });

  test("a descriptor that is used again without a close ends the old connection", () => {
    const { tracker, seen, message } = setUp();
    tracker.apply(1, message(MessageType.connect, { data: "one" }));
    tracker.apply(1, message(MessageType.accept, { data: "two" }));
    expect(seen).toEqual(["5 closed"]);
    expect(tracker.find(1, 5)).toMatchObject({ role: "server", remote: { address: "two" } });
  });

  test("the same descriptor in two processes is two connections", () => {
    const { tracker, seen, message } = setUp();
    tracker.apply(1, message(MessageType.connect, { data: "one" }));
    tracker.apply(2, message(MessageType.connect, { data: "two" }));
    expect(tracker.size).toBe(2);
    tracker.processEnded(1, 9);
    expect(seen).toEqual(["5 closed"]);
    expect(tracker.find(2, 5)?.remote?.address).toBe("two");
  });

  test("data without a beginning is adopted and counted, a close alone is nothing", () => {
    const { tracker, seen, drops, message } = setUp();
    tracker.apply(1, message(MessageType.close));
    tracker.apply(1, message(MessageType.dataIn, { data: "x" }));
    expect(seen).toEqual(["5 in x"]);
    expect(tracker.find(1, 5)).toMatchObject({ role: "unknown", midstream: true });
    expect(drops.entries()).toEqual([["message_no_connection", 1]]);
  });

  test("flags of a connection that was joined in the middle", () => {
    const { tracker, message } = setUp();
    const flags = MessageFlag.midstream | MessageFlag.roleUnknown;
    tracker.apply(1, message(MessageType.connect, { data: "p", flags }));
    expect(tracker.find(1, 5)).toMatchObject({ role: "unknown", midstream: true });
  });

  test("plaintext of a TLS library replaces the ciphertext, whose end still counts", () => {
    const { tracker, seen, message } = setUp();
    tracker.apply(1, message(MessageType.connect, { data: "p" }));
    tracker.apply(1, message(MessageType.dataOut, { data: "hello" }));
    tracker.apply(1, message(MessageType.sslOut, { data: "plain" }));
    tracker.apply(1, message(MessageType.dataOut, { data: "cipher" }));
    tracker.apply(1, message(MessageType.sslIn, { data: "answer" }));
    tracker.apply(1, message(MessageType.dataIn));
    expect(seen).toEqual(["5 out hello", "5 plaintext", "5 out plain", "5 in answer", "5 in end"]);
  });

  test("between directions times decide: the answer may be numbered before its request", () => {
    const { tracker, seen, drops, message } = setUp();
    tracker.apply(1, message(MessageType.accept, { data: "p", ...sequenced(0) }));
    tracker.apply(1, message(MessageType.dataOut, { data: "requests", ...sequenced(3) }));
    tracker.apply(1, message(MessageType.dataIn, { data: "answer", ...sequenced(1) }));
    tracker.apply(1, message(MessageType.dataIn, { data: "another", ...sequenced(2) }));
    tracker.apply(1, message(MessageType.dataOut, { data: "next", ...sequenced(4) }));
    expect(seen).toEqual(["5 out requests", "5 in answer", "5 in another", "5 out next"]);
    expect([...drops.entries()]).toEqual([]);
  });

  test("messages out of order are put in order, wrapping at 65536", () => {
    const { tracker, seen, drops, message } = setUp();
    tracker.apply(1, message(MessageType.connect, { data: "p", ...sequenced(65_534) }));
    tracker.apply(1, message(MessageType.dataOut, { data: "b", ...sequenced(0) }));
    expect(seen).toEqual([]);
    tracker.apply(1, message(MessageType.dataOut, { data: "a", ...sequenced(65_535) }));
    tracker.apply(1, message(MessageType.dataOut, { data: "c", ...sequenced(1) }));
    expect(seen).toEqual(["5 out a", "5 out b", "5 out c"]);
    expect(drops.entries()).toEqual([]);
  });

  test("a message that never comes is a loss, told before what follows it", () => {
    const { tracker, seen, message } = setUp();
    tracker.apply(1, message(MessageType.connect, { data: "p", ...sequenced(0) }));
    tracker.apply(1, message(MessageType.dataOut, { data: "c", ...sequenced(3) }));
    tracker.apply(1, message(MessageType.dataOut, { data: "b", ...sequenced(2) }));
    // Their own times are those of calls that may have taken long: the wait begins here.
    tracker.expire(1e9);
    expect(seen).toEqual([]);
    tracker.expire(1e9 + limits.sequenceHoldNs - 1e6);
    expect(seen).toEqual([]);
    tracker.expire(1e9 + limits.sequenceHoldNs);
    expect(seen).toEqual(["5 lost", "5 out b", "5 out c"]);
    expect(tracker.find(1, 5)?.midstream).toBe(true);
  });

  test("waiting for a missing message is bounded by a number of messages, too", () => {
    const { tracker, seen, message } = setUp();
    tracker.apply(1, message(MessageType.connect, { data: "p", ...sequenced(0) }));
    for (let number = 2; number < 66; number++) {
      tracker.apply(1, message(MessageType.dataOut, { data: "x", ...sequenced(number) }));
    }
    expect(seen[0]).toBe("5 lost");
    expect(seen).toHaveLength(65);
  });

  test("a close behind a missing message still ends the connection", () => {
    const { tracker, seen, message } = setUp();
    tracker.apply(1, message(MessageType.connect, { data: "p", ...sequenced(0) }));
    tracker.apply(1, message(MessageType.close, sequenced(2)));
    tracker.flush();
    expect(seen).toEqual(["5 lost", "5 closed"]);
    expect(tracker.size).toBe(0);
  });
});

test("distance on the 16-bit circle", () => {
  expect([
    sequenceDistance(0, 0),
    sequenceDistance(65_535, 0),
    sequenceDistance(0, 65_535),
    sequenceDistance(10, 5),
    sequenceDistance(0, 32_767),
  ]).toEqual([0, 1, -1, -5, 32_767]);
});
