import { expect, test } from "bun:test";
import { limits } from "../limits.ts";
import { type HookMessage, MessageType } from "../model/message.ts";
import { Drops } from "../self/drops.ts";
import { datagramEndpointsOf, datagramOf, endpointsOf } from "../wire/address.ts";
import { ConnectionTracker } from "./tracker.ts";

const FD = 5;
const PEER = [10, 0, 0, 1, 0, 53];
const OTHER = [10, 0, 0, 2, 0, 53];
const OWN = [10, 0, 0, 9, 0x9c, 0x40];

function setUp() {
  const drops = new Drops();
  const seen: string[] = [];
  let open = 0;
  const tracker = new ConnectionTracker<never>({
    drops,
    endpointsOf,
    datagramEndpointsOf,
    datagramOf,
    events: {
      data: ({ streams, remote, local }, direction) => {
        const { bytes, start, end } = streams[direction];
        const ends = `${remote?.address}:${remote?.port} ${local?.port}`;
        seen.push(`${direction} ${ends} ${new TextDecoder().decode(bytes.subarray(start, end))}`);
      },
      uncaptured: () => seen.push("uncaptured"),
      lost: () => seen.push("lost"),
      ended: () => seen.push("ended"),
      plaintext: () => seen.push("plaintext"),
      closed: ({ remote }) => seen.push(`closed ${remote?.address}`),
      abandoned: ({ remote }) => {
        seen.push(`abandoned ${remote?.address}`);
        return open;
      },
    },
  });
  let timeNs = 0;
  const send = (type: number, payload: readonly number[] = [], fields: Partial<HookMessage> = {}) =>
    tracker.apply(1, {
      type,
      flags: 0,
      sequence: 0,
      pid: 1,
      tid: 1,
      fd: FD,
      wireLength: payload.length,
      timeNs: ++timeNs,
      payload: Uint8Array.from(payload),
      ...fields,
    });
  const out = (text: string, peer: readonly number[] = []) =>
    send(MessageType.datagramOut, [peer.length, ...peer, ...new TextEncoder().encode(text)]);
  const into = (text: string, peer: readonly number[] = []) =>
    send(MessageType.datagramIn, [peer.length, ...peer, ...new TextEncoder().encode(text)]);
  const hold = (count: number) => {
    open = count;
  };
  return { tracker, drops, seen, send, out, into, hold };
}

test("a socket with one peer is one flow; each datagram comes alone", () => {
  const { tracker, seen, send, out, into } = setUp();
  send(MessageType.datagramSocket, [...PEER, ...OWN]);
  out("a");
  out("b");
  into("c");
  send(MessageType.close);
  expect(seen).toEqual([
    "out 10.0.0.1:53 40000 a",
    "out 10.0.0.1:53 40000 b",
    "in 10.0.0.1:53 40000 c",
    "closed 10.0.0.1",
  ]);
  expect(tracker.datagramFlows).toBe(0);
});

test("a socket without a peer has a flow for each address that its calls name", () => {
  const { tracker, seen, send, out, into } = setUp();
  send(MessageType.datagramSocket, [0, 0, 0, 0, 0x9c, 0x40]);
  out("a", PEER);
  into("b", PEER);
  into("c", OTHER);
  expect(seen).toEqual([
    "out 10.0.0.1:53 undefined a",
    "in 10.0.0.1:53 undefined b",
    "in 10.0.0.2:53 undefined c",
  ]);
  expect([...tracker.connections()].map(({ id }) => id)).toEqual([1, 2]);
});

test("a datagram of nobody belongs to the only flow there is, or is counted", () => {
  const { drops, seen, send, out, into } = setUp();
  send(MessageType.datagramSocket, [0, 0, 0, 0, 0x9c, 0x40]);
  into("first");
  out("a", PEER);
  into("b");
  out("c", OTHER);
  into("d");
  expect(seen).toEqual([
    "out 10.0.0.1:53 undefined a",
    "in 10.0.0.1:53 undefined b",
    "out 10.0.0.2:53 undefined c",
  ]);
  expect(drops.entries()).toEqual([["datagram_peer_unknown", 2]]);
});

test("another peer, another meaning of the descriptor and the process's end close the flows", () => {
  const { tracker, seen, send, out } = setUp();
  send(MessageType.datagramSocket, [...PEER, ...OWN]);
  out("a");
  send(MessageType.datagramSocket, [...OTHER, ...OWN]);
  out("b");
  send(MessageType.connect, PEER);
  send(MessageType.datagramSocket, [...PEER, ...OWN]);
  out("c");
  tracker.processEnded(1, 99);
  expect(seen).toEqual([
    "out 10.0.0.1:53 40000 a",
    "closed 10.0.0.1",
    "out 10.0.0.2:53 40000 b",
    "closed 10.0.0.2",
    "closed 10.0.0.1",
    "out 10.0.0.1:53 40000 c",
    "closed 10.0.0.1",
  ]);
  expect(tracker.size).toBe(0);
});

test("malformed messages are counted, an unannounced socket is adopted", () => {
  const { drops, seen, send, out } = setUp();
  send(MessageType.datagramOut, []);
  send(MessageType.datagramOut, [7, 1, 2, 3, 4, 5, 6, 7]);
  send(MessageType.datagramOut, [18, 1, 2]);
  send(MessageType.datagramSocket, [1, 2, 3]);
  out("a", PEER);
  out("", PEER);
  expect(seen).toEqual(["out 10.0.0.1:53 undefined a"]);
  expect(drops.get("message_malformed")).toBe(4);
});

test("silent flows are forgotten, and of too many the oldest; what was open is counted", () => {
  const { tracker, drops, seen, out, hold } = setUp();
  for (let index = 0; index < limits.datagramFlowsMax; index++) {
    out("x", [10, 1, index >> 8, index & 255, 0, 53]);
  }
  expect(tracker.datagramFlows).toBe(limits.datagramFlowsMax);
  out("again", [10, 1, 0, 0, 0, 53]);
  seen.length = 0;
  hold(2);
  out("more", PEER);
  expect(tracker.datagramFlows).toBe(limits.datagramFlowsMax - limits.evictedAtOnce + 1);
  expect(seen[0]).toBe("abandoned 10.1.0.1");
  expect(drops.get("datagram_flow_limit")).toBe(2 * limits.evictedAtOnce);
  hold(0);
  tracker.expire(limits.datagramFlowNsMax);
  expect(tracker.datagramFlows).toBeGreaterThan(0);
  tracker.expire(limits.datagramFlowNsMax + 1e9);
  expect(tracker.datagramFlows).toBe(0);
});

test("of too many sockets the first ones are forgotten, with what goes on there", () => {
  const { tracker, seen, send, out } = setUp();
  send(MessageType.datagramSocket, [...PEER, ...OWN]);
  out("a");
  for (let fd = 0; fd < limits.datagramFlowsMax; fd++) {
    send(MessageType.datagramSocket, [...PEER, ...OWN], { fd: FD + 1 + fd });
  }
  out("b", PEER);
  expect(seen).toEqual([
    "out 10.0.0.1:53 40000 a",
    "abandoned 10.0.0.1",
    "out 10.0.0.1:53 undefined b",
  ]);
  expect(tracker.datagramFlows).toBe(1);
});
