import { describe, expect, test } from "bun:test";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import {
  type Fixture,
  play,
  type Step,
  seededRandom,
  testConnection,
} from "../../../test/harness/stream-cases.ts";
import { LAGS } from "../doubt.ts";
import { redis } from "./index.ts";
import { redisLimits } from "./limits.ts";
import { command, conversation, markerOf } from "./test-conversation.ts";

const options = { protocol: redis, policy: { httpKnownMethods: new Set<string>() } };
const encoder = new TextEncoder();

type Line = readonly [side: ">" | "<", text: string, gap?: number];

function fixture(lines: readonly Line[], connection: Fixture["connection"] = {}): Fixture {
  const steps = lines.map(([mark, text, gap]): Step => {
    const step = {
      side: mark === ">" ? "request" : "response",
      bytes: encoder.encode(text),
    } as const;
    return gap === undefined ? step : { ...step, gap };
  });
  return { name: "inline", steps, expected: [], connection };
}

/** "outcome text start..end code" of each exchange. */
function told(lines: readonly Line[], connection: Fixture["connection"] = {}): string[] {
  return play(options, fixture(lines, connection)).exchanges.map((exchange) => {
    const { outcome, start, end, attributes } = exchange;
    const code = attributes["db.response.status_code"] ?? "";
    return `${outcome} ${attributes["db.query.text"]} ${start}..${end} ${code}`.trim();
  });
}

const get = (key: string): Line => [">", command("GET", key)];
const value: Line = ["<", "$1\r\nv\r\n"];

describe("types", () => {
  test.each([
    ["nothing", "_\r\n"],
    ["boolean", "#t\r\n"],
    ["double", ",-1.5e3\r\n"],
    ["big number", "(3492890328409238509324850943850943825024385\r\n"],
    ["verbatim", "=7\r\ntxt:abc\r\n"],
    ["map of sets", "%1\r\n+a\r\n~2\r\n:1\r\n:2\r\n"],
    ["streamed string", "$?\r\n;4\r\nabcd\r\n;2\r\nef\r\n;0\r\n"],
    ["streamed array", "*?\r\n:1\r\n*?\r\n:2\r\n.\r\n.\r\n"],
    ["streamed map", "%?\r\n+a\r\n:1\r\n.\r\n"],
    ["attribute", "|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n"],
    ["attribute of an element", "*2\r\n|1\r\n+a\r\n*1\r\n+b\r\n:1\r\n:2\r\n"],
    ["empty attribute", "|0\r\n:1\r\n"],
    ["nested empty arrays", "*2\r\n*0\r\n*1\r\n*-1\r\n"],
    ["long simple string", `+${"x".repeat(5_000)}\r\n`],
  ])("%s is one answer, also byte by byte", (_, reply) => {
    const lines: Line[] = [[">", command("FT.ANY", "x")], ["<", reply], get("alpha"), value];
    const expected = ["complete FT.ANY ? 0..1", "complete GET alpha 2..3"];
    expect(told(lines)).toEqual(expected);
    const cut = (step: Step) => Array.from(step.bytes, (byte) => ({ bytes: Uint8Array.of(byte) }));
    expect(play(options, fixture(lines), cut).exchanges.length).toBe(2);
  });

  test("errors: the first word is the code, if it is one; a bulk error, too", () => {
    const lines: Line[] = [
      get("a"),
      ["<", "-MOVED 3999 127.0.0.1:6381\r\n"],
      get("b"),
      ["<", "!21\r\nSYNTAX invalid syntax\r\n"],
      get("c"),
      ["<", "-value of hidden is wrong\r\n"],
    ];
    expect(told(lines)).toEqual([
      "complete GET a 0..1 MOVED",
      "complete GET b 2..3 SYNTAX",
      "complete GET c 4..5",
    ]);
    const last = play(options, fixture(lines)).exchanges[2];
    expect([last?.error, last?.attributes["error.type"]]).toEqual([true, "_OTHER"]);
  });

  test.each([
    "$-2\r\n",
    "$99999999999999\r\n",
    "*1x\r\n",
    ";1\r\n",
    ".\r\n",
    "?\r\n",
    ":12a\r\n",
    "#x\r\n",
    `${"*1\r\n".repeat(redisLimits.depthMax + 1)}:1\r\n`,
  ])("%j is malformed", (reply) => {
    const played = play(options, fixture([get("a"), ["<", reply]]));
    expect(played.parseErrors.length).toBeGreaterThan(0);
    expect(played.exchanges.map(({ outcome }) => outcome)).toEqual(["truncated"]);
  });
});

describe("what is told", () => {
  test.each([
    [["SET", "user:4711", "secret", "EX", "60"], "SET user:? ? EX ?"],
    [["GETEX", "k", "PERSIST"], "GETEX k PERSIST"],
    [["AUTH", "bob", "secret"], "AUTH ? ?"],
    [["HELLO", "3", "AUTH", "bob", "GET"], "HELLO ? ? ? ?"],
    [["MIGRATE", "host", "1", "key", "0", "9", "AUTH", "secret"], "MIGRATE ? ? ? ? ? ? ?"],
    [["CONFIG", "SET", "requirepass", "secret"], "CONFIG SET requirepass ?"],
    [["HSET", "h", "f1", "secret", "f2", "secret"], "HSET h f1 ? f2 ?"],
    [["EVALSHA", "abc", "2", "k1", "k2", "secret"], "EVALSHA abc ? k1 k2 ?"],
    [["NEWCOMMAND", "secret"], "NEWCOMMAND ?"],
    [["GET", "alice@example.org"], "GET ?"],
    [["GET", "session:k3f9a8e7d6c5b4a3"], "GET session:?"],
    [["GET", "mit leerzeichen"], "GET ?"],
    [["XREAD", "COUNT", "2", "STREAMS", "s", "0"], "XREAD COUNT ? STREAMS ? ?"],
    [["bad name", "secret"], "? ?"],
  ])("%j", (args, text) => {
    const exchange = play(options, fixture([[">", command(...args)]])).exchanges[0];
    expect(exchange?.attributes["db.query.text"]).toBe(text);
    expect(JSON.stringify(exchange)).not.toContain("secret");
  });

  test("long commands are cut, and cost no memory", () => {
    const keys = Array.from({ length: 500 }, () => "key");
    const exchange = play(options, fixture([[">", command("DEL", ...keys)]])).exchanges[0];
    expect(String(exchange?.attributes["db.query.text"]).length).toBeLessThan(600);
    expect(exchange?.attributes["olly.db.query.truncated"]).toBe(true);
  });

  test("a value of 5 MB passes uncaptured", () => {
    const whole = command("SET", "big", "x".repeat(5_000_000));
    const head = whole.slice(0, 16_384);
    const lines: Line[] = [
      [">", head],
      [">", command("GET", "next"), whole.length - head.length],
      ["<", `+OK\r\n$900000\r\n${"y".repeat(100)}`],
      ["<", "$1\r\nz\r\n", 900_000 - 100 + 2],
      get("last"),
      value,
    ];
    const played = play(options, fixture(lines.toSpliced(3, 0, get("third"))));
    expect(played.parseErrors).toEqual([]);
    expect(played.exchanges.map(({ outcome }) => outcome)).toEqual(Array(4).fill("complete"));
  });
});

describe("pairing", () => {
  test("commands of one write are one span only for a client that is no event loop", () => {
    const both = command("GET", "a") + command("GET", "b");
    const lines: Line[] = [
      [">", both],
      ["<", "$1\r\nv\r\n$1\r\nw\r\n"],
    ];
    expect(play(options, fixture(lines)).exchanges.map(({ name }) => name)).toEqual([
      "PIPELINE GET 192.0.2.10:4000",
    ]);
    expect(told(lines, { role: "server" })).toEqual(["complete GET a 0..1", "complete GET b 0..1"]);
  });

  test("pushes, also between the answers of a pipeline, pair with nothing", () => {
    const push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n";
    const lines: Line[] = [get("a"), get("b"), ["<", `${push}$1\r\nv\r\n${push}`], value];
    expect(told(lines)).toEqual(["complete GET a 0..2", "complete GET b 1..3"]);
  });

  test("an answer that the command cannot have ends all certainty until the client waits", () => {
    const lines: Line[] = [get("a"), [">", command("INCR", "b")], ["<", ":1\r\n"], get("c"), value];
    expect(told(lines)).toEqual([
      "truncated GET a 0..2",
      "truncated INCR b 1..2",
      "complete GET c 3..4",
    ]);
  });

  test("more requests than exchanges may be open: all are told, in order", () => {
    const count = redisLimits.inFlightMax + 500;
    const asked = Array.from(
      { length: count },
      (_, index): Line => [">", command("GET", `k${index}`)],
    );
    const lines: Line[] = [...asked, ["<", "$1\r\nv\r\n".repeat(count)]];
    const driver = new ReferenceDriver(redis, { ...testConnection, role: "server" });
    for (const [index, { side, bytes }] of fixture(lines).steps.entries()) {
      driver.feed(side, bytes, index + 1);
    }
    expect(driver.closed.map(({ startNs }) => startNs)).toEqual(asked.map((_, index) => index + 1));
    expect(driver.opened.length).toBe(count);
    expect(driver.state.queue.length).toBe(0);
  });

  test("requests that are never answered are bounded", () => {
    const driver = new ReferenceDriver(redis, { ...testConnection, role: "server" });
    for (let index = 0; index < redisLimits.pendingMax + 10; index++) {
      driver.feed("request", encoder.encode(command("GET", "k")), index + 1);
      expect(driver.openCount).toBeLessThanOrEqual(redisLimits.inFlightMax);
    }
    expect(driver.state.queue.length).toBeLessThanOrEqual(redisLimits.pendingMax);
  });

  test("PSYNC and SYNC hand the connection over; a refused one does not", () => {
    const psync: Line = [">", command("PSYNC", "?", "-1")];
    const went = play(options, fixture([psync, ["<", "\n+FULLRESYNC abc 0\r\n"]]));
    expect([went.handOver, went.exchanges[0]?.outcome]).toEqual(["opaque", "complete"]);
    const sync: Line = [">", command("SYNC")];
    expect(play(options, fixture([sync, ["<", "\n$5\r\nREDIS"]])).handOver).toBe("opaque");
    const refused = play(options, fixture([psync, ["<", "-NOMASTERLINK x\r\n"], get("a"), value]));
    expect([refused.handOver, refused.exchanges.length]).toEqual([undefined, 2]);
  });
});

describe("losses", () => {
  const set: Line = [">", command("SET", "b", "v")];
  const ok: Line = ["<", "+OK\r\n"];

  /** Joined in the middle, with a client that asks from an event loop. */
  function outcomesOfLoop(lines: readonly Line[], pauses: Readonly<Record<number, number>> = {}) {
    const driver = new ReferenceDriver(redis, { ...testConnection, midstream: true });
    driver.eventLoop = true;
    let now = 0;
    lines.forEach(([mark, text], index) => {
      now += pauses[index] ?? 1_000;
      driver.feed(mark === ">" ? "request" : "response", encoder.encode(text), now);
    });
    return driver.closed.map(({ outcome }) => outcome);
  }

  test("joined in the middle, the second exchange of a client that waits is paired", () => {
    const old: Line = ["<", "$3\r\nold\r\n"];
    expect(told([old, get("a"), value, get("b"), value], { midstream: true })).toEqual([
      "truncated GET a 1..1",
      "complete GET b 3..4",
    ]);
  });

  test("joined in the middle, silence before a request shows an event loop that waits", () => {
    const lines = [get("a"), value, get("b"), value, get("c"), value];
    expect(outcomesOfLoop(lines, { 4: 99e6 })).not.toContain("complete");
    expect(outcomesOfLoop(lines, { 4: 100e6 })).toEqual(["truncated", "truncated", "complete"]);
    // What is silent for as long as answers take shows nothing.
    expect(outcomesOfLoop(lines, { 1: 20e6, 4: 199e6 })).not.toContain("complete");
    // An answer that is due would have ended the silence.
    const behind = [get("b"), value, value, get("c"), value, get("d"), value];
    expect(outcomesOfLoop(behind, { 2: 200e6 })).not.toContain("complete");
  });

  test("an event loop that always has one command under way is never paired", () => {
    const increment: Line = [">", command("INCR", "n")];
    const number: Line = ["<", ":1\r\n"];
    for (const round of [
      [get("b"), value],
      [set, value, get("c"), ok],
      [set, value, get("c"), ok, get("d"), value],
      [set, number, get("c"), ok, get("d"), value, increment, value],
    ]) {
      const lines = Array.from({ length: 1_000 / (round.length / 2) }, () => round).flat();
      const outcomes = new Set(outcomesOfLoop(lines));
      expect([round.length, ...outcomes]).toEqual([round.length, "truncated"]);
    }
  });

  test("an event loop has to show it of any number of commands under way", () => {
    const increment = command("INCR", "n");
    const random = seededRandom("redis event loop");
    const isGet = Array.from({ length: 2_000 }, () => random() < 0.5);
    for (const ahead of [0, 1, 3, LAGS - 1]) {
      const driver = new ReferenceDriver(redis, { ...testConnection, midstream: true });
      driver.state.pipelines = true;
      let inStep = 0;
      for (let index = ahead; index < isGet.length; index++) {
        const asked = isGet[index] ? command("GET", "a") : increment;
        driver.feed("request", encoder.encode(asked), 2 * index + 1);
        const answer = isGet[index - ahead] ? "$1\r\nv\r\n" : ":1\r\n";
        driver.feed("response", encoder.encode(answer), 2 * index + 2);
        if (driver.state.doubt === undefined) inStep++;
      }
      const complete = driver.closed.filter(({ outcome }) => outcome === "complete").length;
      if (ahead > 0) expect([ahead, inStep, complete]).toEqual([ahead, 0, 0]);
      else expect(complete).toBeGreaterThan(isGet.length - 2 * LAGS);
    }
  });

  test("a client that always has one request under way is never paired", () => {
    const lines: Line[] = [get("a")];
    for (let index = 0; index < 50; index++) lines.push(get("b"), value);
    const outcomes = new Set(told(lines, { midstream: true }).map((it) => it.split(" ")[0]));
    expect([...outcomes]).toEqual(["truncated"]);
  });

  test("dropped messages never pair wrongly, and few exchanges are lost with each", () => {
    const random = seededRandom("redis losses");
    const { steps } = conversation(3_000);
    const lost = new Set(
      steps.flatMap((_, index) => (index > 1 && random() < 0.01 ? [index] : [])),
    );
    const cut = (step: Step, index: number) => [{ bytes: step.bytes, lost: lost.has(index) }];
    const played = play(options, { name: "drops", steps, expected: [] }, cut);
    const complete = played.exchanges.filter(({ outcome }) => outcome === "complete");
    const wrong = complete.filter((exchange) => {
      const marker = markerOf(exchange);
      return (
        marker !== undefined &&
        (exchange.start !== 2 + 2 * marker || exchange.end !== 3 + 2 * marker)
      );
    });
    expect(wrong).toEqual([]);
    expect(complete.length).toBeGreaterThan(3_000 - 4 * lost.size);
  });
});

describe("detection", () => {
  const said = (text: string) => {
    const bytes = encoder.encode(text);
    const moment = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
    return redis.detect({ bytes, start: 0, end: bytes.length, ...moment });
  };

  test.each([
    [command("GET", "a"), "request"],
    [command("JSON.SET", "a", "$", "1"), "request"],
    ["*2\r\n$3\r\nGE", "more"],
    ["*1\r\n$3\r\nGET\r\n", "more"],
    ["$5\r\nhello\r\n", "response"],
    ["+PONG\r\n", "response"],
    ["-NOAUTH Authentication required.\r\n", "response"],
    ["*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n", "response"],
    ["*2\r\n$5\r\ngreen\r\n$5\r\nworld\r\n", "more"],
    ["+OK ready\r\n", "more"],
    ["PING\r\n", "no"],
    ["GET / HTTP/1.1\r\nHost: x\r\n", "no"],
    ["EHLO there\r\n", "no"],
    ["*x", "no"],
    ["\x16\x03\x01", "no"],
  ])("%j", (text, expected) => {
    expect(said(text)).toBe(expected as ReturnType<typeof said>);
  });
});
