import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readFixtures } from "../../../test/harness/fixture-file.ts";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import {
  type Fixture,
  play,
  type Step,
  seededRandom,
  testConnection,
} from "../../../test/harness/stream-cases.ts";
import { sqlLimits } from "../sql/index.ts";
import { postgresql } from "./index.ts";
import {
  bind,
  bindComplete,
  close,
  concat,
  error,
  execute,
  message,
  parameter,
  parse,
  parseComplete,
  query,
  ready,
  row,
  startup,
  sync,
  tag,
} from "./test-messages.ts";
import { postgresqlLimits } from "./types.ts";

const options = { protocol: postgresql, policy: { httpKnownMethods: new Set<string>() } };

type Line = readonly [side: ">" | "<", bytes: Uint8Array, gap?: number];

/** A session that has begun, then the lines. */
function session(...lines: readonly Line[]): Fixture {
  const opening: Line[] = [
    [">", startup({ user: "bob" })],
    ["<", concat(message("R", "\0\0\0\0"), ready())],
  ];
  return unopened(...opening, ...lines);
}

function unopened(...lines: readonly Line[]): Fixture {
  const steps = lines.map(([mark, bytes, gap]): Step => {
    const side = mark === ">" ? "request" : "response";
    return gap === undefined ? { side, bytes } : { side, bytes, gap };
  });
  return { name: "inline", steps, expected: [] };
}

/** Outcome, name and what else matters of each exchange, as one line. */
function told(fixture: Fixture): string[] {
  return play(options, fixture).exchanges.map((exchange) => {
    const { attributes } = exchange;
    const rows = attributes["db.response.returned_rows"] ?? "-";
    return `${exchange.outcome} ${exchange.name} ${rows} ${attributes["error.type"] ?? "ok"}`;
  });
}

const one = (rows: number, status = "I") =>
  concat(...Array.from({ length: rows }, () => row("x")), tag(`SELECT ${rows}`), ready(status));

describe("losses", () => {
  test("a client that waits is paired again at once after lost answer bytes", () => {
    const fixture = session(
      [">", query("SELECT a FROM t1")],
      ["<", row("x")],
      ["<", tag("SELECT 9").subarray(4), 5],
      [">", query("SELECT a FROM t2")],
      ["<", one(2)],
    );
    expect(told(fixture)).toEqual(["truncated SELECT t1 - ok", "complete SELECT t2 2 ok"]);
  });

  test("a client that pipelines across Sync is never paired again", () => {
    const fixture = session(
      [">", concat(query("SELECT a FROM t1"), query("SELECT a FROM t2"))],
      ["<", one(1)],
      ["<", one(1), 40],
      [">", query("SELECT a FROM t3")],
      ["<", one(3)],
      [">", query("SELECT a FROM t4")],
      ["<", one(4)],
    );
    expect(told(fixture)).toEqual([
      "complete SELECT t1 1 ok",
      "truncated SELECT t2 - ok",
      "truncated SELECT t3 - ok",
      "truncated SELECT t4 - ok",
    ]);
  });

  test("answers to lost requests are orphans", () => {
    const fixture = session(
      [">", concat(parse("", "SELECT a FROM t1"), bind("", "")), 100],
      ["<", one(1)],
      ["<", one(1)],
      [">", query("SELECT a FROM t2")],
      ["<", one(2)],
    );
    const played = play(options, fixture);
    expect(played.orphans).toBe(2);
    expect(played.exchanges.map((it) => it.name)).toEqual(["SELECT t2"]);
  });

  test("an answer that cannot belong to the oldest request gives up what is open", () => {
    const fixture = session(
      [">", concat(parse("", "SELECT a FROM t1"), bind("", ""), execute(), sync)],
      ["<", concat(bindComplete, row("x"), tag("SELECT 1"), ready())],
      [">", query("SELECT a FROM t2")],
      ["<", one(2)],
    );
    expect(told(fixture)).toEqual(["truncated SELECT t1 - ok", "complete SELECT t2 2 ok"]);
  });

  test("no exchange is told wrongly whatever two pieces are lost", () => {
    const random = seededRandom("postgresql losses");
    let complete = 0;
    for (const fixture of readFixtures(join(import.meta.dir, "fixtures"))) {
      for (let run = 0; run < 40; run++) {
        const lost = [0, 1].map(() => ({
          step: Math.floor(random() * fixture.steps.length),
          from: random(),
          share: random() * random(),
        }));
        const cut = (step: Step, index: number) => {
          const mask = new Uint8Array(step.bytes.length);
          for (const { step: at, from, share } of lost) {
            const start = Math.floor(from * mask.length);
            if (at === index) mask.fill(1, start, start + 1 + Math.floor(share * mask.length));
          }
          return Array.from(mask, (bit, at) => ({
            bytes: step.bytes.subarray(at, at + 1),
            lost: bit === 1,
          }));
        };
        const wrong = play(options, fixture, cut).exchanges.filter((exchange) => {
          if (exchange.outcome !== "complete") return false;
          complete++;
          return !fixture.expected.some(
            (it) =>
              it.start === exchange.start &&
              it.end === exchange.end &&
              it.error === exchange.error &&
              Object.entries(exchange.attributes).every(([key, value]) =>
                Bun.deepEquals(it.attributes[key], value),
              ),
          );
        });
        expect([fixture.name, lost, wrong]).toEqual([fixture.name, lost, []]);
      }
    }
    expect(complete).toBeGreaterThan(500);
  });
});

describe("joined in the middle", () => {
  const kinds = [
    { asked: query("SELECT a FROM b"), answer: concat(row("x"), tag("SELECT 1"), ready()) },
    { asked: query("INSERT INTO b VALUES (1)"), answer: concat(tag("INSERT 0 1"), ready()) },
    { asked: query("DELETE FROM b"), answer: concat(tag("DELETE 0"), ready()) },
    {
      asked: concat(parse("", "SELECT 1"), bind("", ""), execute(), sync),
      answer: concat(parseComplete, bindComplete, tag("SELECT 1"), ready()),
    },
  ];

  /** Kinds in turn by a client that always has `ahead` more under way; how many are complete. */
  function completed(turns: readonly number[], ahead: number, eventLoop: boolean): number {
    const driver = new ReferenceDriver(postgresql, { ...testConnection, midstream: true });
    driver.eventLoop = eventLoop;
    for (let index = ahead; index < turns.length; index++) {
      const asked = kinds[turns[index] ?? 0]?.asked;
      const answer = kinds[turns[index - ahead] ?? 0]?.answer;
      if (asked !== undefined) driver.feed("request", asked, 2 * index + 1);
      if (answer !== undefined) driver.feed("response", answer, 2 * index + 2);
    }
    return driver.closed.filter(({ outcome }) => outcome === "complete").length;
  }

  const random = seededRandom("postgresql in step");
  const mixed = Array.from({ length: 1_000 }, () => Math.floor(random() * kinds.length));
  const same = mixed.map(() => 0);

  test("a thread that asks and reads in turn is paired from its second request on", () => {
    for (const turns of [mixed, same]) {
      expect(completed(turns, 0, false)).toBeGreaterThanOrEqual(turns.length - 1);
    }
  });

  test("an event loop has to show that no answer is behind", () => {
    expect(completed(mixed, 0, true)).toBeGreaterThan(mixed.length - 150);
    expect(completed(same, 0, true)).toBe(0);
    for (const ahead of [1, 2, 7, 63]) {
      expect([ahead, completed(mixed, ahead, true)]).toEqual([ahead, 0]);
      expect([ahead, completed(same, ahead, true)]).toEqual([ahead, 0]);
    }
  });
});

describe("what is not kept", () => {
  test("a text of 5 MB: its beginning is told, the rest passes, captured or not", () => {
    const text = `INSERT INTO t VALUES ('${"ä".repeat(2_500_000)}')`;
    const whole = query(text);
    const captured = 16_384;
    for (const fixture of [
      session([">", whole], ["<", concat(tag("INSERT 0 1"), ready())]),
      unopened(
        [">", startup({ user: "bob" })],
        ["<", ready()],
        [">", whole.subarray(0, captured)],
        [">", query("SELECT 1").subarray(0, 0), whole.length - captured],
        ["<", concat(tag("INSERT 0 1"), ready())],
        [">", query("SELECT a FROM next")],
        ["<", one(1)],
      ),
    ]) {
      const [first] = play(options, fixture).exchanges;
      expect(first?.outcome).toBe("complete");
      expect(first?.attributes["db.query.text"]).toBe("INSERT INTO t VALUES (?");
      expect(first?.attributes["olly.db.query.truncated"]).toBe(true);
      expect(first?.attributes["olly.db.response.affected_rows"]).toBe(1);
    }
  });

  test("a long parameterised text is cut between characters", () => {
    for (let shift = 0; shift < 4; shift++) {
      const text = `SELECT $1, ${"x".repeat(shift)}${"€".repeat(sqlLimits.textMax)} FROM t`;
      const fixture = session(
        [">", concat(parse("", text), bind("", ""), execute(), sync)],
        ["<", concat(parseComplete, bindComplete, one(1))],
      );
      const said = play(options, fixture).exchanges[0]?.attributes["db.query.text"];
      expect(typeof said === "string" && text.startsWith(said)).toBe(true);
    }
  });

  test("rows pass uncaptured and are counted", () => {
    const long = row("y".repeat(100_000));
    const fixture = session(
      [">", query("SELECT a FROM t")],
      ["<", concat(row("x"), long.subarray(0, 50))],
      ["<", concat(row("x"), tag("SELECT 3"), ready()), long.length - 50],
    );
    expect(told(fixture)).toEqual(["complete SELECT t 3 ok"]);
  });

  test("statements, portals and pending messages are bounded", () => {
    const state = postgresql.createState(testConnection);
    const sink = {
      open: () => {
        throw new Error("nothing is executed");
      },
      close: () => {},
      orphan: () => {},
    };
    const frame = { startNs: 1, endNs: 1, tid: 1, eventLoop: false, target: "", flag: false };
    for (let index = 0; index < 2 * postgresqlLimits.statementsMax; index++) {
      const text = `SELECT $1 FROM t${index} ${"x".repeat(index)}`;
      postgresql.match({ ...frame, type: 0x50, name: `s${index}`, text }, "request", state, sink);
      postgresql.match(
        { ...frame, type: 0x42, name: `p${index}`, target: "s1", text: "" },
        "request",
        state,
        sink,
      );
      expect(state.statements.size).toBeLessThanOrEqual(postgresqlLimits.statementsMax);
      expect(state.portals.size).toBeLessThanOrEqual(postgresqlLimits.portalsMax);
      expect(state.statementChars).toBeLessThanOrEqual(postgresqlLimits.statementCharsMax);
    }
    expect(state.statements.size).toBeGreaterThan(50);
    for (let index = 0; index < 2 * postgresqlLimits.pendingMax; index++) {
      postgresql.match({ ...frame, type: 0x43, name: "", text: "" }, "request", state, sink);
      expect(state.pending.length).toBeLessThanOrEqual(postgresqlLimits.pendingMax);
    }
  });
});

describe("sessions", () => {
  test("a failed Parse of the unnamed statement leaves none; Close forgets a named one", () => {
    const run = concat(bind("", ""), execute(), sync);
    const fixture = session(
      [">", concat(parse("", "SELECT $1 FROM t1"), sync)],
      ["<", concat(parseComplete, ready())],
      [">", concat(parse("", "SELECT $1 FRO"), sync)],
      ["<", concat(error("42601"), ready())],
      [">", run],
      ["<", concat(error("26000"), ready())],
      [">", concat(parse("s", "SELECT $1 FROM t2"), close("s"), bind("", "s"), execute(), sync)],
      ["<", concat(parseComplete, message("3"), error("26000"), ready())],
    );
    expect(told(fixture)).toEqual([
      "complete SELECT - 42601",
      "complete bob - 26000",
      "complete bob - 26000",
    ]);
  });

  test("after an error everything until Sync is skipped, also what is sent later", () => {
    const fixture = session(
      [">", concat(parse("", "SELECT $1 FROM t1"), message("H"))],
      ["<", error("42P01")],
      [">", concat(bind("", ""), execute(), parse("x", "SELECT 1"), execute(), query("SELECT 2"))],
      [">", concat(sync, query("SELECT a FROM t2"))],
      ["<", concat(ready(), one(2))],
    );
    expect(told(fixture)).toEqual([
      "complete SELECT t1 - 42P01",
      "complete bob - pipeline_aborted",
      "complete bob - pipeline_aborted",
      "complete SELECT - pipeline_aborted",
      "complete SELECT t2 2 ok",
    ]);
  });

  test("asynchronous messages pair with nothing", () => {
    const fixture = session(
      ["<", message("A", "\0\0\0\x01ch\0payload\0")],
      ["<", message("N", "SNOTICE\0VNOTICE\0C00000\0Mhi\0\0")],
      [">", query("SELECT a FROM t")],
      ["<", concat(message("A", "\0\0\0\x01ch\0x\0"), parameter("TimeZone", "UTC"), one(1))],
      ["<", error("57P01", "FATAL")],
    );
    const played = play(options, fixture);
    expect(played.exchanges.map((it) => [it.name, it.error])).toEqual([["SELECT t", false]]);
    expect(played.orphans).toBe(0);
  });

  test("the index depends on the request bytes alone", () => {
    const requests = concat(
      parse("", "SELECT 1"),
      sync,
      query("SELECT a FROM t"),
      parse("", "SELECT 2"),
      bind("", ""),
      execute(),
      sync,
    );
    const answers = [
      concat(parseComplete, ready()),
      one(1),
      concat(parseComplete, bindComplete, one(1)),
    ];
    const failing = [concat(error("42601"), ready()), one(1), concat(error("42601"), ready())];
    for (const answer of [answers, failing]) {
      const driver = new ReferenceDriver(postgresql, testConnection);
      session([">", requests], ["<", concat(...answer)]).steps.forEach((step, index) => {
        driver.feed(step.side, step.bytes, index + 1);
      });
      const opened = driver.opened.map((it) => [it.index, it.detail.operation]);
      expect(opened).toEqual([
        [0, "prepare"],
        [1, "query"],
        [2, "execute"],
      ]);
      expect(driver.openCount).toBe(0);
    }
  });
});
