/** Who is paired with whom, when something is missing. */
import { expect, describe as suite, test } from "bun:test";
import { play, type Step, testConnection } from "../../../test/harness/stream-cases.ts";
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { ExchangeSink } from "../contract.ts";
import { mongodb } from "./index.ts";
import { mongodbLimits } from "./limits.ts";
import {
  answers,
  asks,
  cstring,
  document,
  int32,
  joined,
  message,
  opMsg,
} from "./test-messages.ts";
import type { MongodbDetail, MongodbFrame } from "./types.ts";

const policy = { httpKnownMethods: new Set<string>() };

function exchanges(steps: readonly Step[]) {
  const played = play({ protocol: mongodb, policy }, { name: "one", steps, expected: [] });
  expect(played.parseErrors).toEqual([]);
  return {
    orphans: played.orphans,
    told: played.exchanges.map(
      ({ name, outcome, start, end }) => `${name} ${outcome} ${start}-${end}`,
    ),
    attributes: played.exchanges.map((exchange) => exchange.attributes),
  };
}

function find(id: number, name = "a") {
  return asks(opMsg({ id }, { find: name, $db: "shop" }));
}

function found(to: number, flags = 0, id = 1000 + to) {
  const cursor = { firstBatch: [{}], id: 0n };
  return answers(opMsg({ id, to, flags }, { cursor, ok: 1 }));
}

const lostAnswers = (step: Step): Step => ({ ...step, gap: 10 });

suite("pairing", () => {
  test("by id, not by place", () => {
    const { told } = exchanges([find(5, "a"), find(6, "b"), found(6), found(5)]);
    expect(told).toEqual(["find b complete 1-2", "find a complete 0-3"]);
  });

  test("an answer to nobody is an orphan", () => {
    const { told, orphans } = exchanges([find(5), found(4), found(5)]);
    expect(told).toEqual(["find a complete 0-2"]);
    expect(orphans).toBe(1);
  });

  test("an answer that was lost ends its exchange with the next request", () => {
    const { told, orphans } = exchanges([
      ...[find(5, "a"), find(6, "b"), lostAnswers(found(6)), find(7, "c"), found(7)],
    ]);
    expect(told).toEqual(["find b complete 1-2", "find a truncated 0-3", "find c complete 3-4"]);
    expect(orphans).toBe(0);
  });

  test("no answer after a loss is no failure", () => {
    const { attributes } = exchanges([find(5, "a"), find(6, "b"), lostAnswers(found(6))]);
    expect(attributes[1]).toMatchObject({ "olly.exchange.outcome": "closed_early" });
    expect(attributes[1]).not.toHaveProperty("error.type");
  });

  test("an id that is used again", () => {
    const { told } = exchanges([find(5, "a"), find(5, "b"), found(5)]);
    expect(told).toEqual(["find a truncated 0-1", "find b complete 1-2"]);
  });

  test("more requests than are waited for", () => {
    const steps = Array.from({ length: mongodbLimits.inFlightMax + 1 }, (_, id) => find(id + 1));
    const { told } = exchanges(steps);
    expect(told[0]).toBe(`find a truncated 0-${mongodbLimits.inFlightMax}`);
    expect(told).toHaveLength(mongodbLimits.inFlightMax + 1);
  });

  test("a stream of answers belongs to the request, and counts together", () => {
    const more = 2;
    const { told, attributes } = exchanges([
      ...[find(5), found(5, more, 90), found(90, more, 91), found(91, 0, 92), find(6), found(6)],
    ]);
    expect(told).toEqual(["find a complete 0-3", "find a complete 4-5"]);
    expect(attributes[0]).toMatchObject({ "db.response.returned_rows": 3 });
  });

  test("a stream whose beginning was not seen is one orphan", () => {
    const more = 2;
    const { orphans } = exchanges([found(70, more, 90), found(90, more, 91), found(91, 0, 92)]);
    expect(orphans).toBe(1);
  });

  test("a message longer than what is looked at", () => {
    const text = "x".repeat(3 * mongodbLimits.windowBytes);
    const long = asks(opMsg({ id: 5 }, { insert: "a", documents: [{ text }], $db: "shop" }));
    const cursor = { firstBatch: [{ text }], id: 0n };
    const answer = answers(opMsg({ id: 9, to: 6 }, { cursor, ok: 1 }));
    const { told, attributes } = exchanges([
      ...[
        long,
        answers(opMsg({ id: 8, to: 5 }, { n: 1, ok: 1 })),
        find(6),
        answer,
        find(7),
        found(7),
      ],
    ]);
    expect(told).toEqual(["insert a complete 0-1", "find a complete 2-3", "find a complete 4-5"]);
    expect(attributes[0]).not.toHaveProperty("db.operation.batch.size");
    expect(attributes[1]).not.toHaveProperty("db.response.returned_rows");
  });

  test("a long answer in which bytes were lost is truncated", () => {
    const outcomes: string[] = [];
    const emit: ExchangeSink<MongodbDetail> = {
      open: (start) => ({ ...start, outcome: "no_response" }) as Exchange<MongodbDetail>,
      close: (_, __, outcome) => outcomes.push(outcome),
      orphan: () => {},
    };
    const state = mongodb.createState(testConnection);
    const parsed = (bytes: Uint8Array, side: Side) => {
      const view = { bytes, start: 0, end: mongodbLimits.windowBytes };
      const seen = { ...view, timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
      const frame = (it: MongodbFrame) => mongodb.match(it, side, state, emit);
      mongodb.parse(seen, side, state, { frame, skip: () => {}, handOver: () => {} });
    };
    const text = "x".repeat(2 * mongodbLimits.windowBytes);
    parsed(opMsg({ id: 6, flags: 2 }, { insert: "a", documents: [{ text }] }), "request");
    parsed(opMsg({ id: 7 }, { insert: "a", documents: [{ text }] }), "request");
    parsed(opMsg({ id: 9, to: 7 }, { cursor: { firstBatch: [{ text }] }, ok: 1 }), "response");
    expect(outcomes).toEqual([]);
    for (const side of ["request", "response"] as const) {
      mongodb.lost(side, state, { timeNs: 2, tid: 1 }, emit);
    }
    expect(outcomes).toEqual(["truncated", "truncated"]);
  });

  test("a long write that nobody answers ends with its last byte", () => {
    const text = "x".repeat(2 * mongodbLimits.windowBytes);
    const bytes = opMsg({ id: 5, flags: 2 }, { insert: "a", documents: [{ text }], $db: "shop" });
    const { told } = exchanges([asks(bytes.subarray(0, 40_000)), asks(bytes.subarray(40_000))]);
    expect(told).toEqual(["insert a one_way 0-1"]);
  });

  test("a request that cannot be read is not called late", () => {
    const body = joined(int32(2013), int32(50), Uint8Array.of(2), new Uint8Array(20));
    const { told, attributes } = exchanges([
      asks(message(2012, { id: 5 }, body)),
      find(6),
      found(6),
    ]);
    expect(told).toEqual(["192.0.2.10:4000 truncated 0-1", "find a complete 1-2"]);
    expect(attributes[0]).not.toHaveProperty("error.type");
  });

  test("a hello is told when it fails", () => {
    const hello = asks(opMsg({ id: 5 }, { hello: 1, $db: "admin" }));
    const refused = answers(opMsg({ id: 9, to: 5 }, { ok: 0, code: 13 }));
    expect(exchanges([hello, refused]).attributes[0]).toMatchObject({ "error.type": "13" });
    expect(exchanges([hello]).told).toEqual([]);
  });

  test("documents of a cursor are not taken for an answer", () => {
    const query = joined(int32(0), cstring("shop.a"), int32(0), int32(2), document({}));
    const head = joined(int32(8), new Uint8Array(12), int32(1));
    const { attributes } = exchanges([
      asks(message(2004, { id: 5 }, query)),
      answers(message(1, { id: 6, to: 5 }, joined(head, document({ ok: 0, code: 7, n: 5 })))),
    ]);
    expect(attributes[0]).toMatchObject({ "db.response.returned_rows": 1 });
    expect(attributes[0]).not.toHaveProperty("error.type");
  });
});
