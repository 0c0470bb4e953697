/** Who is paired with whom, when something is missing; and messages larger than a look. */
import { expect, describe as suite, test } from "bun:test";
import { play, type Step } from "../../../test/harness/stream-cases.ts";
import { cassandra } from "./index.ts";
import { cassandraLimits } from "./limits.ts";
import { Opcode } from "./messages.ts";
import { conversation } from "./test-conversation.ts";
import {
  answered,
  answers,
  asked,
  asks,
  done,
  int,
  joined,
  longText,
  query,
  rows,
  segment,
  short,
  text,
} from "./test-messages.ts";

const policy = { httpKnownMethods: new Set<string>() };

function exchanges(steps: readonly Step[], errors = 0) {
  const played = play({ protocol: cassandra, policy }, { name: "one", steps, expected: [] });
  expect(played.parseErrors).toHaveLength(errors);
  return {
    orphans: played.orphans,
    told: played.exchanges.map(
      ({ name, outcome, start, end }) => `${name} ${outcome} ${start}-${end}`,
    ),
    attributes: played.exchanges.map((exchange) => exchange.attributes),
  };
}

const ask = (stream: number, table: string) => asks(query({ stream }, `SELECT a FROM ${table}`));
const tell = (stream: number) => answers(done({ stream }));
const gap = (step: Step): Step => ({ ...step, gap: 10 });

suite("pairing", () => {
  test("by stream, not by place", () => {
    const { told } = exchanges([ask(5, "a"), ask(6, "b"), tell(6), tell(5)]);
    expect(told).toEqual(["SELECT b complete 1-2", "SELECT a complete 0-3"]);
  });

  test("events are no answers, whatever their stream", () => {
    const event = joined(text("STATUS_CHANGE"), text("UP"), new Uint8Array(9));
    const { told, orphans } = exchanges([
      ask(5, "a"),
      ...[-1, 5].map((stream) => answers(answered(Opcode.event, { stream }, event))),
      tell(5),
    ]);
    expect([told, orphans]).toEqual([["SELECT a complete 0-3"], 0]);
  });

  test("after lost answers, one is told once the next request shows that none was lost", () => {
    const steps = [ask(5, "a"), ask(6, "b"), gap(tell(6))];
    expect(exchanges([...steps, ask(7, "c"), tell(7)]).told).toEqual([
      ...["SELECT b complete 1-2", "SELECT c complete 3-4", "SELECT a closed_early 0-5"],
    ]);
    expect(exchanges([...steps, gap(ask(7, "c")), tell(7)]).told).toEqual([
      ...["SELECT b truncated 1-2", "SELECT a truncated 0-3", "SELECT c complete 3-4"],
    ]);
  });

  test("a request that was lost behind an answer that was lost is not another's", () => {
    // The answer to a, and the request b on the same stream, are lost: what comes is b's answer.
    const { told } = exchanges([ask(5, "a"), gap(tell(5)), gap(ask(6, "c")), tell(6)]);
    expect(told).toEqual(["SELECT a truncated 0-1", "SELECT c complete 2-3"]);
    const other = exchanges([ask(5, "a"), gap(ask(6, "c")), gap(tell(5)), tell(6), ask(7, "d")]);
    expect(other.told.filter((it) => it.startsWith("SELECT a"))).toEqual([
      "SELECT a truncated 0-2",
    ]);
    expect(other.orphans).toBe(1);
  });

  test("a stream that is used again", () => {
    const { told } = exchanges([ask(5, "a"), ask(5, "b"), tell(5)]);
    expect(told).toEqual(["SELECT a truncated 0-1", "SELECT b complete 1-2"]);
  });

  test("more requests than are waited for", () => {
    const count = cassandraLimits.inFlightMax + 1;
    const { told } = exchanges(Array.from({ length: count }, (_, stream) => ask(stream, "a")));
    expect(told).toHaveLength(count);
    expect(told[0]).toBe(`SELECT a truncated 0-${count - 1}`);
  });

  test("an answer that the request cannot have", () => {
    const { told, orphans } = exchanges([
      ask(5, "a"),
      answers(answered(Opcode.authSuccess, { stream: 5 }, int(-1))),
    ]);
    expect([told, orphans]).toEqual([["SELECT a truncated 0-1"], 1]);
  });

  test("what is prepared is told when it is executed, and what was prepared before is not", () => {
    const id = joined(short(2), Uint8Array.of(7, 8));
    const prepare = asked(Opcode.prepare, { stream: 1 }, longText("SELECT a FROM b WHERE c = ?"));
    const empty = joined(int(4), int(0), int(0), int(4), int(0));
    const prepared = answered(Opcode.result, { stream: 1 }, joined(int(4), id, empty));
    const execute = asked(Opcode.execute, { stream: 2 }, joined(id, short(6), Uint8Array.of(0)));
    expect(
      exchanges([asks(prepare), answers(prepared), asks(execute), tell(2)]).attributes,
    ).toMatchObject([
      { "db.query.text": "SELECT a FROM b WHERE c = ?", "db.query.summary": "SELECT b" },
    ]);
    const [unknown] = exchanges([asks(execute), tell(2)]).attributes;
    expect(unknown).toMatchObject({ "cassandra.consistency.level": "local_quorum" });
    expect(unknown).not.toHaveProperty("db.query.text");
  });

  test("a refused password is told, and only that", () => {
    const secret = asked(Opcode.authResponse, { stream: 1 }, longText("\0me\0hunter2"));
    const refused = answered(Opcode.error, { stream: 1 }, joined(int(0x100), text("no hunter2")));
    const { attributes } = exchanges([asks(secret), answers(refused)]);
    expect(attributes).toMatchObject([
      { "db.operation.name": "AUTH_RESPONSE", "error.type": "256" },
    ]);
    expect(JSON.stringify(attributes)).not.toContain("hunter2");
  });
});

suite("large messages", () => {
  const long = "x".repeat(3 * cassandraLimits.windowBytes);

  test("an answer that is passed over ends with its last byte", () => {
    const bytes = rows({ stream: 5 }, "a", [long]);
    const { told, attributes } = exchanges([
      ask(5, "a"),
      answers(bytes.subarray(0, 40_000)),
      answers(bytes.subarray(40_000)),
      ask(6, "b"),
      tell(6),
    ]);
    expect(told).toEqual(["SELECT a complete 0-2", "SELECT b complete 3-4"]);
    expect(attributes[0]).toMatchObject({ "db.response.returned_rows": 1 });
  });

  test("a text that is cut says so", () => {
    const [attributes] = exchanges([
      asks(query({ stream: 5 }, `SELECT a FROM b WHERE c = '${long}'`)),
      tell(5),
    ]).attributes;
    expect(attributes).toMatchObject({ "olly.db.query.truncated": true });
    expect(attributes?.["db.query.text"]).toBe("SELECT a FROM b WHERE c = ?");
  });

  const five = { version: 5, stream: 1 };
  const opening = [
    asks(asked(Opcode.startup, five, joined(short(1), text("CQL_VERSION"), text("3.4.7")))),
    answers(answered(Opcode.ready, five)),
  ];

  test("an envelope in several segments", () => {
    const bytes = rows({ version: 5, stream: 2 }, "a", [long]);
    const pieces = [bytes.subarray(0, 60_000), bytes.subarray(60_000)];
    const { told, attributes } = exchanges([
      ...opening,
      asks(segment(query({ version: 5, stream: 2 }, "SELECT a FROM a"))),
      ...pieces.map((piece) => answers(segment(piece, false))),
      asks(segment(query({ version: 5, stream: 3 }, "SELECT a FROM b"))),
      answers(segment(done({ version: 5, stream: 3 }))),
    ]);
    expect(told).toEqual(["SELECT a complete 2-4", "SELECT b complete 5-6"]);
    expect(attributes[0]).toMatchObject({ "db.response.returned_rows": 1 });
  });

  test("several envelopes in a segment, more than are looked at", () => {
    const streams = [2, 3, 4, 5];
    const many = streams.map((stream) =>
      rows({ version: 5, stream }, "a", [long.slice(0, 30_000)]),
    );
    const { told } = exchanges([
      ...opening,
      ...streams.map((stream) => asks(segment(query({ version: 5, stream }, "SELECT a FROM a")))),
      answers(segment(joined(...many))),
      asks(segment(query({ version: 5, stream: 6 }, "SELECT a FROM b"))),
    ]);
    expect(told.filter((it) => it.includes("complete"))).toEqual([
      ...["SELECT a complete 2-6", "SELECT a complete 3-6", "SELECT a complete 4-6"],
    ]);
  });

  test("a segment whose sum is wrong is not believed", () => {
    const bytes = segment(done({ version: 5, stream: 2 }));
    bytes[12] = (bytes[12] ?? 0) ^ 1;
    const { told } = exchanges(
      [
        ...opening,
        asks(segment(query({ version: 5, stream: 2 }, "SELECT a FROM a"))),
        answers(bytes),
      ],
      1,
    );
    expect(told).toEqual(["SELECT a closed_early 2-4"]);
  });
});

suite("joined in the middle", () => {
  const name = "one";
  const connection = { midstream: true };
  const outcomes = (steps: readonly Step[]) =>
    play({ protocol: cassandra, policy }, { name, connection, steps, expected: [] }).exchanges.map(
      (it) => `${it.name} ${it.outcome} ${it.attributes["db.response.returned_rows"]}`,
    );

  test("segments and envelopes are told apart, whatever an answer's length looks like", () => {
    for (let length = 0; length < 200; length++) {
      for (const version of [4, 5]) {
        const head = { version, stream: 2 };
        const wrap = version === 5 ? segment : (bytes: Uint8Array) => bytes;
        const question = wrap(query(head, "SELECT a FROM a"));
        const answer = wrap(rows(head, "a", ["x".repeat(length)]));
        const told = ["SELECT a complete 1"];
        expect(outcomes([asks(question), answers(answer)])).toEqual(told);
        expect(outcomes([{ ...asks(question), gap: 3 }, answers(answer)])).toEqual(told);
      }
    }
  });

  test("by single bytes, or a header at a time, also behind what is lost", () => {
    const head = { version: 5, stream: 2 };
    const cut = (bytes: Uint8Array, sizes: readonly number[], to: (piece: Uint8Array) => Step) => {
      const steps: Step[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = sizes[steps.length] ?? bytes.length;
        steps.push(to(bytes.subarray(at, at + size)));
        at += size;
      }
      return steps;
    };
    for (const sizes of [Array.from({ length: 200 }, () => 1), [6], [6, 9], [3, 3, 2]]) {
      const question = cut(segment(query(head, "SELECT a FROM a")), sizes, asks);
      const answer = cut(segment(rows(head, "a", [])), sizes, answers);
      const told = ["SELECT a complete 0"];
      expect(outcomes([...question, ...answer])).toEqual(told);
      if ((sizes[0] ?? 0) < 6) continue;
      const behind = question.map((step, index) => (index === 0 ? { ...step, gap: 5 } : step));
      expect(outcomes([...behind, ...answer])).toEqual(told);
    }
  });

  test("a head that shows in a compressed segment, whose own head was not seen, is none", () => {
    const payload = (bytes: Uint8Array) => joined(Uint8Array.of(0xf0, bytes.length), bytes, int(7));
    const head = { version: 5, stream: 2 };
    const cut = [
      asks(payload(query(head, "SELECT a FROM a"))),
      answers(payload(joined(rows(head, "a", []).subarray(0, 13), new Uint8Array(28)))),
    ];
    const whole = [
      asks(segment(query(head, "SELECT a FROM b"))),
      answers(segment(rows(head, "b", []))),
    ];
    expect(outcomes([...cut, ...whole])).toEqual(["SELECT b complete 0"]);
  });
});

test("a long conversation", () => {
  const { steps, markerOf } = conversation(20);
  const { attributes } = exchanges(steps);
  expect(attributes.map((it) => markerOf({ name: "", attributes: it }))).toEqual(
    Array.from({ length: 20 }, (_, index) => index),
  );
});
