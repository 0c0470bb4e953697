/**
 * The driver with a toy protocol whose frames are one length byte and so many bytes: 'Q' + text
 * asks, 'A' + text answers, 'P' + text is pushed by the server and acknowledged at once, 'B' + n is
 * followed by n bytes that are skipped, 'X' hands over.
 */
import { describe, expect, test } from "bun:test";
import type { Role } from "../model/connection.ts";
import type { Exchange } from "../model/exchange.ts";
import { Drops } from "../self/drops.ts";
import { ByteStream } from "../streams/byte-stream.ts";
import { asProtocol, type ExchangeSink, type Protocol, type StreamView } from "./contract.ts";
import type { DrivenConnection } from "./conversation.ts";
import { ProtocolDriver } from "./drive.ts";
import { FORGIVING_FRAMES } from "./reader.ts";

interface ToyFrame {
  readonly kind: string;
  readonly text: string;
  readonly timeNs: number;
  readonly tid: number;
}

interface ToyState {
  /** What passed by in skips: text, or how much was not captured. */
  readonly passed: string[];
  readonly pending: Exchange<{ question: string; answer: string }>[];
}

const frameOf = (view: StreamView): ToyFrame | undefined => {
  const length = view.bytes[view.start] ?? 0;
  if (view.end - view.start < length + 1) return undefined;
  const text = new TextDecoder().decode(
    view.bytes.subarray(view.start + 1, view.start + 1 + length),
  );
  return {
    kind: text[0] ?? "",
    text: text.slice(1),
    timeNs: view.timeAt(view.start + length),
    tid: view.tidAt(view.start),
  };
};

const abandon = (state: ToyState, emit: ExchangeSink<{ question: string; answer: string }>) => {
  for (const exchange of state.pending.splice(0)) emit.close(exchange, 0, "truncated");
};

const toy: Protocol<ToyFrame, ToyState, { question: string; answer: string }> = {
  id: "toy",
  limits: { frameBytesMax: 64, inFlightMax: 3 },
  detect(view) {
    if (view.end - view.start < 2) return "more";
    const kind = String.fromCharCode(view.bytes[view.start + 1] ?? 0);
    if (kind === "T") throw new RangeError("a bug of the protocol");
    return kind === "Q" ? "request" : kind === "A" ? "response" : "no";
  },
  createState: () => ({ passed: [], pending: [] }),
  parse(view, _side, _state, out) {
    if ((view.bytes[view.start] ?? 0) > 200) return -1;
    const frame = frameOf(view);
    if (frame === undefined) return 0;
    if (frame.kind === "!") throw new RangeError("a bug of the protocol");
    out.frame(frame);
    if (frame.kind === "B") out.skip(Number(frame.text));
    if (frame.kind === "X") out.handOver(frame.text as "detect" | "opaque" | "tls");
    return 1 + (view.bytes[view.start] ?? 0);
  },
  passing({ bytes, start, end }, side, state) {
    const text =
      bytes === undefined ? end - start : new TextDecoder().decode(bytes.subarray(start, end));
    state.passed.push(`${side} ${text}`);
  },
  skipped(_side, _state, last, out) {
    out.frame({ kind: "A", text: "skipped", timeNs: last.timeNs, tid: last.tid });
  },
  lost: (_side, state, _at, emit) => abandon(state, emit),
  resync(view) {
    for (let index = view.start; index < view.end - 1; index++) {
      const kind = String.fromCharCode(view.bytes[index + 1] ?? 0);
      if ((view.bytes[index] ?? 0) < 20 && "QAB".includes(kind)) return index;
    }
    return -1;
  },
  match(frame, side, state, emit) {
    if (frame.kind === "Q" && side === "request") {
      const detail = { question: frame.text, answer: "" };
      state.pending.push(
        emit.open({ startNs: frame.timeNs, tid: frame.tid, eventLoop: false, detail }),
      );
    } else if (frame.kind === "P") {
      const detail = { question: frame.text, answer: "pushed" };
      const begin = { startNs: frame.timeNs, tid: frame.tid, eventLoop: false };
      emit.close(emit.open({ ...begin, detail, pushed: true }), frame.timeNs, "one_way");
    } else if (frame.kind === "A") {
      const exchange = state.pending.shift();
      if (exchange === undefined) {
        emit.orphan();
        return;
      }
      exchange.detail.answer = frame.text;
      emit.close(exchange, frame.timeNs, "complete");
    }
  },
  describe: () => ({
    name: "toy",
    kind: 3,
    attributes: [],
    status: 0,
    statusMessage: undefined,
  }),
};

const frame = (text: string) => new Uint8Array([text.length, ...new TextEncoder().encode(text)]);
const joined = (...texts: string[]) => new Uint8Array(texts.flatMap((text) => [...frame(text)]));

const capturePolicy = { httpKnownMethods: new Set<string>() };

function setUp(role: Role = "client", midstream = false, protocol = toy) {
  const drops = new Drops();
  const closed: string[] = [];
  let opened = 0;
  const driver = new ProtocolDriver({
    protocols: [asProtocol(protocol)],
    policy: capturePolicy,
    drops,
    events: {
      opened: () => {
        opened++;
      },
      closed: (exchange) => {
        const detail = exchange.detail as { question: string; answer: string };
        const index = exchange.index;
        closed.push(`${index} ${detail.question}=${detail.answer} ${exchange.outcome}`);
      },
      tell: () => undefined,
      withdrawn: () => undefined,
    },
  });
  const streams = { in: new ByteStream(100), out: new ByteStream(100) };
  const info: DrivenConnection = {
    id: 1,
    processId: 1,
    role,
    transport: "tcp",
    remote: undefined,
    local: undefined,
    tls: false,
    midstream,
  };
  const conversation = driver.start(info, streams);
  let now = 0;
  const feed = (direction: "in" | "out", payload: Uint8Array) => {
    now++;
    streams[direction].append(payload, { timeNs: now, tid: 7, eventLoop: false });
    driver.advance(conversation, direction, { timeNs: now, tid: 7 });
    streams[direction].retain();
  };
  return { driver, conversation, streams, drops, closed, feed, info, opened: () => opened };
}

describe("ProtocolDriver", () => {
  test("what a protocol shares is made once, and given to each of its connections", () => {
    const given: unknown[] = [];
    const sharing: typeof toy = {
      ...toy,
      createShared: () => ({ made: "once" }),
      createState: (_connection, shared, policy) => {
        expect(policy).toBe(capturePolicy);
        given.push(shared);
        return { passed: [], pending: [] };
      },
    };
    const { driver, feed, info } = setUp("client", false, sharing);
    feed("out", frame("Qa"));
    const streams = { in: new ByteStream(100), out: new ByteStream(100) };
    const second = driver.start({ ...info, id: 2 }, streams);
    streams.out.append(frame("Qb"), { timeNs: 9, tid: 7, eventLoop: false });
    driver.advance(second, "out", { timeNs: 9, tid: 7 });
    expect(given).toEqual([{ made: "once" }, { made: "once" }]);
    expect(given[0]).toBe(given[1]);
  });

  test("pairs pipelined requests with their answers, whole and byte by byte", () => {
    for (const size of [1, 2, 3, 1000]) {
      const { feed, closed } = setUp();
      for (const [direction, all] of [
        ["out", joined("Qone", "Qtwo")],
        ["in", joined("A1", "A2")],
      ] as const) {
        for (let index = 0; index < all.length; index += size) {
          feed(direction, all.slice(index, index + size));
        }
      }
      expect(closed).toEqual(["0 one=1 complete", "1 two=2 complete"]);
    }
  });

  test("learns the role of a connection joined in the middle from what it carries", () => {
    const { feed, info, closed } = setUp("unknown", true);
    feed("in", frame("Qx"));
    expect(info.role).toBe("server");
    feed("out", frame("Ay"));
    expect(closed).toEqual(["0 x=y complete"]);
  });

  test("what the server begins is counted by itself", () => {
    const { feed, closed } = setUp();
    feed("out", frame("Qone"));
    feed("in", joined("Pnews", "A1"));
    feed("out", frame("Qtwo"));
    feed("in", joined("A2", "Pmore"));
    expect(closed).toEqual([
      ...["0 news=pushed one_way", "0 one=1 complete"],
      ...["1 two=2 complete", "1 more=pushed one_way"],
    ]);
  });

  test("skips bytes that were captured and bytes that were not", () => {
    const { driver, conversation, feed, closed } = setUp();
    feed("out", frame("Qx"));
    feed("in", joined("B10", "....."));
    driver.uncaptured(conversation, "in", { length: 4, last: { timeNs: 50, tid: 1 } });
    expect(closed).toEqual(["0 x=skipped complete"]);
    const { passed } = conversation.state as ToyState;
    expect(passed).toEqual(["response \u0005.....", "response 4"]);
  });

  test("a gap outside a skip is told, and reading goes on at the next boundary", () => {
    const { driver, conversation, feed, closed, drops } = setUp();
    feed("out", frame("Qx"));
    driver.uncaptured(conversation, "in", { length: 4, last: { timeNs: 50, tid: 1 } });
    expect(closed).toEqual(["0 x= truncated"]);
    feed("in", new Uint8Array([255, 254, ...frame("Alate")]));
    expect(drops.get("stream_gap")).toBe(1);
    expect(drops.get("orphan_response")).toBe(1);
    feed("out", frame("Qy"));
    feed("in", frame("Az"));
    expect(closed.at(-1)).toBe("1 y=z complete");
  });

  test("opaque traffic is counted once and never buffered", () => {
    const { feed, conversation, streams, drops } = setUp();
    feed("out", new TextEncoder().encode("\x05no such protocol"));
    feed("out", new Uint8Array(5000));
    expect(conversation.mode).toBe("opaque");
    expect(streams.out.length).toBe(0);
    expect(drops.get("stream_opaque")).toBe(1);
  });

  test("hand-over to detection finds the next protocol in both directions", () => {
    const { feed, closed, conversation } = setUp();
    feed("out", frame("Qx"));
    feed("in", joined("Ay", "Xdetect", "Agreeting"));
    feed("out", frame("Qnext"));
    feed("in", frame("Aanswer"));
    expect(conversation.mode).toBe("parsing");
    expect(closed).toEqual(["0 x=y complete", "1 next=answer complete"]);
  });

  test("ciphertext is passed over until plaintext restarts detection", () => {
    const { driver, feed, closed, conversation } = setUp();
    feed("out", joined("Qx", "Xtls"));
    feed("out", new Uint8Array(100));
    expect(closed).toEqual(["0 x= truncated"]);
    driver.restart(conversation);
    feed("out", frame("Qp"));
    feed("in", frame("Aq"));
    expect(closed.at(-1)).toBe("1 p=q complete");
  });

  test("what is under way when the connection closes ends with it", () => {
    const { driver, conversation, feed, closed } = setUp();
    feed("out", frame("Qx"));
    driver.closed(conversation, { timeNs: 99, tid: 1 });
    driver.closed(conversation, { timeNs: 100, tid: 1 });
    expect(closed).toEqual(["0 x= closed_early"]);
  });

  test("an answer that never comes expires and is said", () => {
    const { driver, conversation, feed, closed, drops } = setUp();
    feed("out", frame("Qx"));
    driver.expire(conversation, 1, 10);
    expect(closed).toEqual([]);
    driver.expire(conversation, 5, 10);
    expect(closed).toEqual(["0 x= no_response"]);
    expect(drops.get("exchange_expired")).toBe(1);
  });

  describe("of a protocol whose answers name their requests", () => {
    const byId: typeof toy = {
      ...toy,
      pairsById: true,
      match(frame, side, state, emit) {
        const { pending } = state;
        if (frame.kind === "A") {
          const index = pending.findIndex(({ detail }) => detail.question === frame.text);
          pending.unshift(...pending.splice(index, index < 0 ? 0 : 1));
        }
        toy.match(frame, side, state, emit);
      },
    };
    const SECOND = 1e9;

    test("only what is old expires, and the others are still answered", () => {
      const { driver, conversation, feed, closed, drops } = setUp("client", false, byId);
      feed("out", frame("Qx"));
      feed("out", frame("Qy"));
      feed("out", frame("Qz"));
      driver.expire(conversation, 2, 300 * SECOND);
      expect(closed).toEqual(["0 x= no_response"]);
      feed("in", frame("Az"));
      feed("in", frame("Ay"));
      // Late: it was told already.
      feed("in", frame("Ax"));
      expect(closed).toEqual(["0 x= no_response", "2 z=z complete", "1 y=y complete"]);
      expect(drops.get("exchange_expired")).toBe(1);
      expect(drops.get("stream_gap")).toBe(0);
    });

    test("a frame that stays half hides the answers: then all is given up", () => {
      const { driver, conversation, feed, closed, drops } = setUp("client", false, byId);
      feed("out", frame("Qx"));
      feed("out", frame("Qy"));
      feed("in", frame("Along").subarray(0, 3));
      driver.expire(conversation, 2, 300 * SECOND);
      expect(closed).toEqual([]);
      driver.expire(conversation, 2 + 10 * SECOND, 310 * SECOND);
      expect(closed).toEqual(["0 x= no_response", "1 y= no_response"]);
      expect(drops.get("exchange_expired")).toBe(2);
    });
  });

  test("more open exchanges than allowed are given up one by one, counted", () => {
    const { feed, closed, drops, opened } = setUp();
    feed("out", joined("Q1", "Q2", "Q3", "Q4"));
    expect(opened()).toBe(4);
    expect(closed).toEqual(["0 1= truncated"]);
    expect(drops.get("in_flight_limit")).toBe(1);
  });

  test("malformed frames are counted; a connection that has too many is left alone", () => {
    const { feed, conversation, drops } = setUp();
    feed("out", frame("Qx"));
    for (let round = 0; round < 20; round++) feed("out", new Uint8Array([...frame("Q1"), 250]));
    expect(drops.get("parse_error")).toBeGreaterThan(0);
    expect(conversation.mode).toBe("opaque");
  });

  test("behind malformed frames exchanges are not counted alike on both ends", () => {
    const { feed, conversation, closed } = setUp();
    for (const payload of ["Qx", "Qy", "Qz"]) feed("out", frame(payload));
    for (let answer = 0; answer < 3; answer++) feed("in", frame("A"));
    expect(conversation.info.garbled).not.toBe(true);
    feed("out", new Uint8Array([250, ...frame("Qw")]));
    feed("in", frame("Aw"));
    expect(closed.at(-1)).toBe("3 w=w complete");
    expect(conversation.info.garbled).toBe(true);
  });

  test("nobody's answers: malformed frames are forgiven behind many that are sound", () => {
    const { feed, conversation, drops } = setUp();
    const noAnswer = Array.from({ length: FORGIVING_FRAMES }, () => "Pa");
    feed("in", joined("A", ...noAnswer));
    for (let round = 0; round < 40; round++) {
      feed("in", new Uint8Array([250, ...frame("A"), ...joined(...noAnswer)]));
    }
    expect(drops.get("parse_error")).toBe(40);
    expect(conversation.mode).toBe("parsing");
    const tooFew = noAnswer.slice(2);
    for (let round = 0; round < 9; round++) {
      feed("in", new Uint8Array([250, ...frame("A"), ...joined(...tooFew)]));
    }
    expect(conversation.mode).toBe("opaque");
  });

  test("a frame that never completes is given up at its limit", () => {
    const { feed, drops } = setUp();
    feed("out", frame("Qx"));
    feed("out", new Uint8Array(70).fill(150));
    expect(drops.get("frame_too_large")).toBeGreaterThan(0);
  });

  test("a bug in a protocol costs that connection only", () => {
    const { driver, feed, conversation, drops, closed } = setUp();
    const bugs: unknown[] = [];
    driver.onBug = (error) => bugs.push(error);
    feed("out", joined("Qx", "!"));
    expect(conversation.mode).toBe("opaque");
    expect(drops.get("connection_failed")).toBe(1);
    expect(bugs).toHaveLength(1);
    expect(closed).toEqual(["0 x= truncated"]);
  });
});
