import { describe, expect, test } from "bun:test";
import { MessageFlag, MessageType } from "../model/message.ts";
import { Drops } from "../self/drops.ts";
import { Ends, newEnd } from "./ends.ts";
import { ConnectionTracker } from "./tracker.ts";

const [CLIENT, SERVER] = [1, 2];
const client = { address: "127.0.0.1", port: 40_000 };
const server = { address: "127.0.0.1", port: 80 };

function begin(ends: Ends, processId: number, changes: Partial<Parameters<Ends["begun"]>[0]> = {}) {
  const [local, remote] = processId === CLIENT ? [client, server] : [server, client];
  const plain = { transport: "tcp", midstream: false, local, remote } as const;
  const connection = { ...plain, end: newEnd(processId), ...changes };
  ends.begun(connection);
  return connection;
}

function pair() {
  const ends = new Ends();
  return { ends, from: begin(ends, CLIENT), to: begin(ends, SERVER) };
}

describe("two ends", () => {
  test("what was not written cannot be read", () => {
    const { ends, from, to } = pair();
    expect(ends.size).toBe(0);
    expect(ends.isEarly(to.end, 1)).toBe(true);
    ends.hasWritten(from.end, 10);
    expect(ends.isEarly(to.end, 10)).toBe(false);
    ends.hasRead(to.end, 6);
    expect([4, 5].map((bytes) => ends.isEarly(to.end, bytes))).toEqual([false, true]);
    expect(ends.isEarly(from.end, 1)).toBe(true);
  });

  test("an end that began first is found by the other, whichever it is", () => {
    const ends = new Ends();
    const to = begin(ends, SERVER);
    expect(ends.isEarly(to.end, 1)).toBe(false);
    begin(ends, CLIENT);
    expect(ends.isEarly(to.end, 1)).toBe(true);
  });

  test.each([
    ["of which the beginning was not seen", { midstream: true }],
    ["of another transport", { transport: "unix" as const }],
    ["without addresses", { local: undefined }],
    ["of another connection", { local: { ...client, port: 40_001 } }],
  ])("one %s is not waited for", (_, changes) => {
    const ends = new Ends();
    begin(ends, CLIENT, changes);
    expect(ends.isEarly(begin(ends, SERVER).end, 1)).toBe(false);
  });

  test("one that is over is not waited for, and is forgotten", () => {
    const { ends, from, to } = pair();
    ends.over(from);
    expect(ends.isEarly(to.end, 1)).toBe(false);
    ends.over(begin(ends, CLIENT));
    expect(ends.size).toBe(0);
  });
});

describe("a process of which some writes are not seen", () => {
  test("is not waited for again, on any of its connections", () => {
    const { ends, to } = pair();
    ends.hasRead(to.end, 5);
    expect(ends.isEarly(to.end, 1)).toBe(false);
    begin(ends, CLIENT);
    expect(ends.isEarly(begin(ends, SERVER).end, 1)).toBe(false);
  });

  test("unless the message was only late", () => {
    const { ends, from, to } = pair();
    ends.hasRead(to.end, 5);
    ends.hasWritten(from.end, 4);
    expect(ends.isEarly(to.end, 1)).toBe(false);
    ends.hasWritten(from.end, 1);
    expect(ends.isEarly(to.end, 1)).toBe(true);
  });

  test("is forgotten with its end", () => {
    const { ends, to } = pair();
    ends.hasRead(to.end, 5);
    ends.processEnded(CLIENT);
    expect(ends.isEarly(to.end, 1)).toBe(true);
  });
});

describe("by messages", () => {
  const ignored = () => {};
  function setUp() {
    const tracker = new ConnectionTracker<never>({
      drops: new Drops(),
      endpointsOf: ({ pid }) =>
        pid === CLIENT
          ? { transport: "tcp", local: client, remote: server }
          : { transport: "tcp", local: server, remote: client },
      datagramEndpointsOf: () => undefined,
      datagramOf: () => undefined,
      events: {
        ...{ data: ignored, uncaptured: ignored, lost: ignored, ended: ignored },
        ...{ plaintext: ignored, closed: ignored, abandoned: () => 0 },
      },
    });
    const message = (pid: number, type: number, sequence: number, wireLength = 0) => ({
      ...{ pid, type, sequence, wireLength, flags: MessageFlag.sequenced, tid: pid, fd: 5 },
      ...{ timeNs: sequence, payload: new Uint8Array(Math.min(wireLength, 4)) },
    });
    tracker.apply(CLIENT, message(CLIENT, MessageType.connect, 0));
    tracker.apply(SERVER, message(SERVER, MessageType.accept, 0));
    return { tracker, message };
  }

  test("bytes that were not captured count", () => {
    const { tracker, message } = setUp();
    const read = message(SERVER, MessageType.dataIn, 1, 100);
    expect(tracker.isEarly(SERVER, read)).toBe(true);
    expect(tracker.isEarly(SERVER, { ...read, type: MessageType.dataOut })).toBe(false);
    tracker.apply(CLIENT, message(CLIENT, MessageType.dataOut, 1, 100));
    expect(tracker.isEarly(SERVER, read)).toBe(false);
    tracker.apply(SERVER, read);
    expect(tracker.isEarly(SERVER, message(SERVER, MessageType.dataIn, 2, 1))).toBe(true);
    expect(tracker.isEarly(SERVER, message(SERVER, MessageType.dataIn, 2, 0))).toBe(false);
  });

  test("behind a close nothing is waited for, nor behind a loss", () => {
    for (const type of [MessageType.close, MessageType.dataOut]) {
      const { tracker, message } = setUp();
      const read = message(SERVER, MessageType.dataIn, 1, 100);
      tracker.apply(CLIENT, message(CLIENT, type, type === MessageType.close ? 1 : 2, 1));
      expect(tracker.isEarly(SERVER, read)).toBe(type === MessageType.dataOut);
      tracker.flush();
      expect(tracker.isEarly(SERVER, read)).toBe(false);
    }
  });
});
