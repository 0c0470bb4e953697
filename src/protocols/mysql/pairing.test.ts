import { describe, expect, test } from "bun:test";
import { deflateSync, zstdCompressSync } from "node:zlib";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import {
  type Fixture,
  play,
  type Step,
  seededRandom,
  testConnection,
} from "../../../test/harness/stream-cases.ts";
import { sqlLimits } from "../sql/index.ts";
import { mysql } from "./index.ts";
import { mysqlLimits } from "./limits.ts";
import { conversation, preparedConversation } from "./test-conversation.ts";
import {
  AUTOCOMMIT,
  COMPRESS,
  CURSOR,
  close,
  columnBody,
  command,
  compressed,
  concat,
  DEPRECATE_EOF,
  encoded,
  eofBody,
  error,
  errorBody,
  execute,
  fetchRows,
  greeting,
  hello,
  IN_TRANSACTION,
  integer,
  MORE_RESULTS,
  newResultSet,
  ok,
  okBody,
  packet,
  packets,
  ping,
  prepare,
  prepared,
  QUERY_ATTRIBUTES,
  query,
  resultSet,
  rowBody,
  SESSION_TRACK,
  text,
  ZSTD,
} from "./test-messages.ts";

const options = { protocol: mysql, policy: { httpKnownMethods: new Set<string>() } };

type Line = readonly [side: ">" | "<", bytes: Uint8Array, gap?: number];

/** A session that has begun with these capabilities, then the lines. */
function session(capabilities: number, ...lines: readonly Line[]): Fixture {
  return unopened(
    ["<", greeting(capabilities)],
    [">", hello(capabilities)],
    ["<", packet(2, okBody())],
    ...lines,
  );
}

function unopened(...lines: readonly Line[]): Fixture {
  const steps = lines.map(([mark, bytes, gap]): Step => {
    const side = mark === ">" ? "request" : "response";
    return gap === undefined ? { side, bytes } : { side, bytes, gap };
  });
  return { name: "inline", steps, expected: [] };
}

const joined = (...lines: readonly Line[]): Fixture => ({
  ...unopened(...lines),
  connection: { midstream: true },
});

/** Outcome, name, rows and error of each exchange, as one line. */
function told(fixture: Fixture): string[] {
  return play(options, fixture).exchanges.map((exchange) => {
    const { attributes } = exchange;
    const rows = attributes["db.response.returned_rows"] ?? "-";
    return `${exchange.outcome} ${exchange.name} ${rows} ${attributes["error.type"] ?? "ok"}`;
  });
}

const select = (table: string) => query(`SELECT a FROM ${table}`);

describe("answers", () => {
  test("both styles of EOF, known and found out", () => {
    const lines: readonly Line[] = [
      [">", select("t1")],
      ["<", newResultSet(["x", "y"])],
      [">", select("t2")],
      ["<", newResultSet([])],
    ];
    const expected = ["complete SELECT t1 2 ok", "complete SELECT t2 0 ok"];
    expect(told(session(DEPRECATE_EOF, ...lines))).toEqual(expected);
    expect(told(joined(...lines))).toEqual(expected);
    const old = lines.map(
      ([side, bytes], index): Line =>
        side === ">" ? [side, bytes] : [side, resultSet(index === 1 ? ["x", "y"] : [])],
    );
    expect(told(session(0, ...old))).toEqual(expected);
    expect(told(joined(...old))).toEqual(expected);
  });

  test("several results, and an error behind the first", () => {
    const first = resultSet(["x", "y"], AUTOCOMMIT | MORE_RESULTS);
    const second = packets(7, okBody(3, AUTOCOMMIT | MORE_RESULTS), errorBody(1146));
    const texts = "SELECT a FROM t; UPDATE t SET a = 1; SELECT b FROM u";
    expect(told(session(0, [">", query(texts)], ["<", concat(first, second)]))).toEqual([
      "complete BATCH 2 1146",
    ]);
  });

  test("prepared statements of both styles, in the middle too", () => {
    const counts = { parameters: 2, columns: 1 };
    for (const style of ["eof", "none"] as const) {
      const rows = style === "eof" ? resultSet(["x"]) : newResultSet(["x"]);
      const lines: readonly Line[] = [
        [">", prepare("SELECT a FROM t WHERE b = ?")],
        ["<", prepared(7, counts, style)],
        [">", execute(7)],
        ["<", rows],
        [">", concat(close(7), execute(7))],
        ["<", error(1243)],
        [">", prepare("DELETE FROM t WHERE a = ?")],
        ["<", prepared(8, { parameters: 1, columns: 0 }, style)],
        [">", execute(8)],
        ["<", ok(3)],
      ];
      const expected = [
        "complete SELECT t 1 ok",
        "complete 192.0.2.10:4000 - 1243",
        "complete DELETE t - ok",
      ];
      const named = expected.map((line) => line.replace("192.0.2.10:4000", "shop"));
      expect(told(session(style === "eof" ? 0 : DEPRECATE_EOF, ...lines))).toEqual(named);
      expect(told(joined(...lines))).toEqual(expected);
    }
  });

  test("a statement of which metadata are not sent again", () => {
    for (const flags of [
      [3, 0],
      [0, 3],
    ]) {
      const answer = packets(1, Uint8Array.from(flags), rowBody("x"), okBody(0, AUTOCOMMIT, 0xfe));
      const lines: readonly Line[] = [
        [">", execute(1)],
        ["<", answer],
      ];
      expect(told(session(DEPRECATE_EOF, ...lines))).toEqual(["complete shop 1 ok"]);
    }
  });

  test("a cursor's rows are those of its fetches", () => {
    const opened = packets(1, Uint8Array.of(1), columnBody(), eofBody(AUTOCOMMIT | CURSOR));
    expect(
      told(
        session(
          0,
          [">", execute(1, 1)],
          ["<", opened],
          [">", fetchRows(1, 2)],
          ["<", packets(1, rowBody("x"), rowBody("y"), eofBody(AUTOCOMMIT | CURSOR))],
        ),
      ),
    ).toEqual(["complete shop 0 ok", "complete COM_STMT_FETCH shop 2 ok"]);
  });

  test("a file that the client sends is no command, whatever it holds", () => {
    const load = query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t");
    const file = concat(packet(2, select("never")), packet(3));
    expect(
      told(
        session(
          0,
          [">", load],
          ["<", packet(1, 0xfb, "x")],
          [">", file],
          ["<", packet(4, okBody(2))],
        ),
      ),
    ).toEqual(["complete LOAD DATA t - ok"]);
  });

  test("progress reports are no answers", () => {
    const progress = concat(0xff, 0xff, 0xff, 1, 2, integer(50, 3), text("copying"));
    const answer = packets(1, progress, progress, okBody(5));
    const [exchange] = play(
      options,
      session(0, [">", query("UPDATE t SET a = 1")], ["<", answer]),
    ).exchanges;
    expect(exchange?.attributes["olly.db.response.affected_rows"]).toBe(5);
    expect(exchange?.outcome).toBe("complete");
  });

  test("payloads of 16 MiB and more", () => {
    const size = 0xff_ffff;
    const head = "INSERT INTO t VALUES ('";
    const big = concat(
      packet(0, 3, head, Buffer.alloc(size - 1 - head.length, "x")),
      packet(1, "y')"),
    );
    const row = concat(
      packets(1, Uint8Array.of(1), columnBody(), eofBody()),
      packet(4, Buffer.alloc(size, 0x61)),
      packets(5, rowBody("rest"), rowBody("next"), eofBody()),
    );
    expect(
      told(session(0, [">", big], ["<", packet(2, okBody(1))], [">", select("t")], ["<", row])),
    ).toEqual(["complete INSERT t - ok", "complete SELECT t 2 ok"]);
  });

  test("the database and the transaction follow what the server says", () => {
    const tracked = concat(
      okBody(0, AUTOCOMMIT | 0x4000),
      encoded(0),
      text(`${String.fromCharCode(1, 5, 4)}next`),
    );
    const fixture = session(
      SESSION_TRACK,
      [">", query("USE `other`")],
      ["<", ok()],
      [">", query("CALL changes()")],
      ["<", packet(1, tracked)],
      [">", query("BEGIN")],
      ["<", ok(0, AUTOCOMMIT | IN_TRANSACTION)],
      [">", ping],
      ["<", ok()],
    );
    const seen = play(options, fixture).exchanges.map(({ attributes }) => [
      attributes["db.namespace"],
      attributes["olly.db.transaction.status"],
    ]);
    expect(seen).toEqual([
      ["shop", undefined],
      ["other", undefined],
      ["next", undefined],
      ["next", "active"],
    ]);
  });

  test("literals are hidden by the session's rules", () => {
    const textOf = (status: number, sql: string) => {
      const lines: readonly Line[] = [
        [">", ping],
        ["<", ok(0, status)],
        [">", query(sql)],
        ["<", ok()],
      ];
      return play(options, session(0, ...lines)).exchanges[1]?.attributes["db.query.text"];
    };
    const sql = "SELECT \"a\", 'b\\', 'c'";
    expect(textOf(AUTOCOMMIT, sql)).toBe("SELECT ?, ?c?");
    expect(textOf(AUTOCOMMIT | 0x200 | 0x8000, sql)).toBe('SELECT "a", ?, ?');
    // In GBK the backslash is half of a character.
    const gbk = concat(command(3, "SELECT '", 0xbf, "\\', secret"));
    const [exchange] = play(options, session(0, [">", gbk], ["<", ok()])).exchanges;
    expect(exchange?.attributes["db.query.text"]).toBe("SELECT ?");
  });

  test("query attributes stand before the text and may carry trace context", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const attributes = concat(
      ...[2, 1, 0, 1],
      ...[concat(8, 0), text("n"), concat(0xfe, 0), text("traceparent")],
      ...[integer(4711, 8), text(traceparent)],
    );
    const lines: readonly Line[] = [
      [">", command(3, attributes, "SELECT a FROM t")],
      ["<", resultSet(["x"])],
      [">", command(3, 0, 1, "SELECT a FROM u")],
      ["<", resultSet(["x"])],
    ];
    const expected = ["complete SELECT t 1 ok", "complete SELECT u 1 ok"];
    expect(told(session(QUERY_ATTRIBUTES, ...lines))).toEqual(expected);
    expect(told(joined(...lines))).toEqual(expected);
  });

  test("MariaDB executes the statement that was prepared last by the number -1", () => {
    const both = concat(prepare("SELECT a FROM t WHERE b = ?"), execute(0xffff_ffff));
    const answers = concat(prepared(1, { parameters: 1, columns: 1 }), resultSet(["x"]));
    const lines: readonly Line[] = [
      [">", both],
      ["<", answers],
      // Bytes of an answer are lost: a client that has done so waits nevertheless.
      ["<", ok(), 5],
      [">", select("t")],
      ["<", resultSet(["x", "y"])],
    ];
    expect(told(session(0, ...lines))).toEqual([
      "complete SELECT t 1 ok",
      "complete SELECT t 2 ok",
    ]);
  });

  test("a long text is cut, its end is passed over", () => {
    const sql = `SELECT '${"x".repeat(3 * sqlLimits.textMax)}' FROM t`;
    const fixture = session(
      0,
      [">", query(sql)],
      ["<", resultSet(["x"])],
      [">", ping],
      ["<", ok()],
    );
    const [first, second] = play(options, fixture).exchanges;
    expect(first?.attributes["db.query.text"]).toBe("SELECT ?");
    expect(first?.attributes["olly.db.query.truncated"]).toBe(true);
    expect(second?.name).toBe("COM_PING shop");
  });
});

describe("losses", () => {
  test("a client that waits is paired again with its next command", () => {
    const lines: readonly Line[] = [
      [">", select("t1")],
      ["<", resultSet(["x"]).subarray(0, 20)],
      ["<", rowBody("rest"), 10],
      [">", select("t2")],
      ["<", resultSet(["x", "y"])],
      [">", select("t3"), 30],
      ["<", resultSet(["x", "y", "z"])],
    ];
    expect(told(session(0, ...lines))).toEqual([
      "truncated SELECT t1 - ok".replace("-", "0"),
      "complete SELECT t2 2 ok",
      "complete SELECT t3 3 ok",
    ]);
  });

  test("a client that does not wait is never paired again", () => {
    const lines: readonly Line[] = [
      [">", concat(select("t1"), select("t2"))],
      ["<", concat(resultSet(["x"]), resultSet(["x", "y"]))],
      [">", concat(select("t3"), select("t4"))],
      ["<", resultSet(["z"]), 7],
      [">", select("t5")],
      ["<", resultSet(["z"])],
    ];
    expect(told(session(0, ...lines))).toEqual([
      "complete SELECT t1 1 ok",
      "complete SELECT t2 2 ok",
      "truncated SELECT t3 - ok",
      "truncated SELECT t4 - ok",
      "truncated SELECT t5 - ok",
    ]);
  });

  test("an answer with another number belongs to another command", () => {
    const lines: readonly Line[] = [
      [">", select("t1")],
      ["<", resultSet(["x"], AUTOCOMMIT, 2)],
      [">", select("t2")],
      ["<", resultSet(["x"])],
    ];
    expect(told(session(0, ...lines))[0]).toBe("truncated SELECT t1 - ok");
    expect(play(options, session(0, ...lines)).orphans).toBe(1);
  });

  test("after lost commands a statement's number has no text until it is prepared anew", () => {
    const lines: readonly Line[] = [
      [">", prepare("SELECT a FROM t WHERE b = ?")],
      ["<", prepared(1, { parameters: 1, columns: 1 })],
      [">", execute(1), 40],
      ["<", resultSet(["x"])],
    ];
    expect(told(session(0, ...lines))).toEqual(["complete 192.0.2.10:4000 1 ok"]);
  });

  test("messages that are lost at random never shift an answer", () => {
    const count = 400;
    const rounds = 20;
    const { steps, markerOf } = conversation(count);
    const random = seededRandom("loss");
    let right = 0;
    for (let round = 0; round < rounds; round++) {
      const driver = new ReferenceDriver(mysql, testConnection);
      for (const [index, { side, bytes }] of steps.entries()) {
        if (random() >= 0.01) driver.feed(side, bytes, index + 1);
        else {
          // What was lost is of unknown direction and length.
          driver.gap("request", 1, index + 1);
          driver.gap("response", 1, index + 1);
        }
      }
      for (const exchange of driver.closed) {
        const draft = mysql.describe(exchange, options.policy);
        if (draft === undefined || exchange.outcome !== "complete") continue;
        const attributes = Object.fromEntries(draft.attributes);
        const marker = markerOf({ name: draft.name, attributes }) ?? -1;
        expect([exchange.startNs, exchange.endNs]).toEqual([4 + 2 * marker, 5 + 2 * marker]);
        expect(attributes["db.response.returned_rows"]).toBe(1 + (marker % 5));
        right++;
      }
    }
    expect(right).toBeGreaterThan(rounds * count * 0.95);
  });
});

describe("compression", () => {
  const squeezes = [
    [COMPRESS, deflateSync],
    [ZSTD, zstdCompressSync],
  ] as const;
  test.each(squeezes)("%#: stored, squeezed, and packets across packets", (flag, squeeze) => {
    const rows = resultSet(Array.from({ length: 30 }, () => "z".repeat(200)));
    const squeezed = (sequence: number, bytes: Uint8Array) => compressed(sequence, bytes, squeeze);
    const lines: readonly Line[] = [
      [">", compressed(0, ping)],
      ["<", compressed(1, ok())],
      [">", squeezed(0, query(`SELECT a FROM t1 WHERE b = '${"x".repeat(100)}'`))],
      ["<", concat(squeezed(1, rows.subarray(0, 1_000)), squeezed(2, rows.subarray(1_000)))],
      [">", squeezed(0, query(`SELECT a FROM t2 WHERE b = '${"x".repeat(100)}'`))],
      ["<", squeezed(1, rows)],
    ];
    const expected = [
      "complete COM_PING shop - ok",
      "complete SELECT t1 30 ok",
      "complete SELECT t2 30 ok",
    ];
    expect(told(session(flag, ...lines))).toEqual(expected);
    expect(told(joined(...lines)).slice(1)).toEqual(expected.slice(1));
  });

  test("a packet that would become too large is read as far as it matters", () => {
    const value = "y".repeat(2 * mysqlLimits.inflatedBytesMax);
    const big = query(`INSERT INTO t VALUES ('${value}')`);
    const lines: readonly Line[] = [
      [">", compressed(0, big, deflateSync)],
      ["<", compressed(1, ok(1))],
      [">", compressed(0, select("t"))],
      ["<", compressed(1, resultSet(["x", value]), deflateSync)],
      [">", compressed(0, select("u"))],
      ["<", compressed(1, resultSet(["x"]))],
    ];
    expect(told(session(COMPRESS, ...lines))).toEqual([
      "complete INSERT t - ok",
      // Where its last rows stand was not read.
      "truncated SELECT t 2 ok",
      "complete SELECT u 1 ok",
    ]);
  });

  test("what is not what it says ends the pairing, not the agent", () => {
    const lines: readonly Line[] = [
      [">", compressed(0, select("t"))],
      ["<", compressed(1, concat("no zlib stream"), (bytes) => bytes)],
    ];
    expect(told(session(COMPRESS, ...lines))).toEqual(["truncated SELECT t - ok"]);
  });
});

test("the tables are bounded", () => {
  const steps = preparedConversation(2 * mysqlLimits.statementsMax);
  const played = play(options, { name: "many", steps, expected: [] });
  expect(played.exchanges.length).toBe(2 * mysqlLimits.statementsMax);
  expect(played.exchanges.every(({ outcome }) => outcome === "complete")).toBe(true);
});
