import { describe, expect, test } from "bun:test";
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { SpanKind, StatusCode } from "../../model/span.ts";
import { describeSqlText, sqlDialects } from "../sql/index.ts";
import { mysql } from "./index.ts";
import { Command } from "./packets.ts";
import type { MysqlDetail } from "./types.ts";

const client: ConnectionInfo = {
  id: 1,
  processId: 1,
  role: "client",
  transport: "tcp",
  remote: { address: "192.0.2.10", port: 3306 },
  local: { address: "192.0.2.20", port: 50_000 },
  tls: false,
  midstream: false,
};

interface Given {
  readonly text?: string;
  readonly detail?: Partial<MysqlDetail>;
  readonly connection?: Partial<ConnectionInfo>;
  readonly outcome?: Outcome;
}

function drafted({ text, detail, connection, outcome = "complete" }: Given) {
  const exchange: Exchange<MysqlDetail> = {
    protocol: "mysql",
    connection: { ...client, ...connection },
    index: 0,
    startNs: 1,
    tid: 1,
    eventLoop: false,
    traceparent: undefined,
    tracestate: undefined,
    endNs: 2,
    outcome,
    context: undefined,
    detail: {
      command: Command.query,
      statement:
        text === undefined
          ? undefined
          : {
              description: describeSqlText(text, sqlDialects.mysql),
              truncated: false,
              parameters: undefined,
            },
      sets: undefined,
      isMariaDb: false,
      database: "shop",
      program: "job",
      inTransaction: undefined,
      errorCode: undefined,
      sqlState: undefined,
      returnedRows: undefined,
      affectedRows: undefined,
      ...detail,
    },
  };
  const draft = mysql.describe(exchange, { httpKnownMethods: new Set() });
  return draft === undefined
    ? undefined
    : { ...draft, attributes: Object.fromEntries(draft.attributes) };
}

describe("spans", () => {
  test("of both ends", () => {
    expect(drafted({ text: "SELECT 1 FROM t" })).toEqual({
      name: "SELECT t",
      kind: SpanKind.client,
      attributes: {
        "db.system.name": "mysql",
        "db.namespace": "shop",
        "db.query.text": "SELECT ? FROM t",
        "db.query.summary": "SELECT t",
        // The default port is not told.
        "server.address": "192.0.2.10",
      },
      status: StatusCode.unset,
      statusMessage: undefined,
    });
    const local = { address: "192.0.2.10", port: 3307 };
    const server = drafted({ text: "SELECT 1", connection: { role: "server", local } });
    expect(server?.kind).toBe(SpanKind.server);
    expect(server?.attributes["olly.db.application_name"]).toBe("job");
    expect(server?.attributes["server.port"]).toBe(3307);
  });

  test("beside a name that was looked up stands its address", () => {
    const { attributes = {} } = drafted({ connection: { remoteName: "db.example" } }) ?? {};
    expect(attributes["server.address"]).toBe("db.example");
    expect(attributes["network.peer.address"]).toBe("192.0.2.10");
    expect(attributes["network.peer.port"]).toBe(3306);
  });

  test("errors have the server's number, and its SQLSTATE beside it", () => {
    const failed = drafted({ text: "SELEC", detail: { errorCode: 1064, sqlState: "42000" } });
    expect(failed?.status).toBe(StatusCode.error);
    expect(failed?.attributes["error.type"]).toBe("1064");
    expect(failed?.attributes["db.response.status_code"]).toBe("1064");
    expect(failed?.attributes["olly.db.response.sqlstate"]).toBe("42000");
  });

  test.each([
    ["closed_early", "connection_closed"],
    ["no_response", "timeout"],
    ["truncated", undefined],
  ] as const)("%s", (outcome, error) => {
    const { attributes = {} } = drafted({ text: "SELECT 1", outcome }) ?? {};
    expect(attributes["error.type"]).toBe(error);
    expect(attributes["olly.exchange.outcome"]).toBe(outcome);
  });

  test("commands without a text are named by the protocol", () => {
    expect(drafted({ detail: { command: Command.ping } })?.name).toBe("COM_PING shop");
    const nowhere = { remote: undefined };
    const detail = { command: Command.ping, database: undefined };
    expect(drafted({ detail, connection: nowhere })?.name).toBe("COM_PING");
    const unknown = { command: Command.stmtExecute, database: undefined, isMariaDb: true };
    expect(drafted({ detail: unknown, connection: nowhere })?.name).toBe("mariadb");
    const remote = { address: "2001:db8::1", port: 3306 };
    const named = drafted({ detail: { ...unknown }, connection: { remote } });
    expect(named?.name).toBe("[2001:db8::1]:3306");
  });

  test("what only prepares is told when it fails", () => {
    const command = Command.stmtPrepare;
    expect(drafted({ text: "SELECT 1", detail: { command } })).toBeUndefined();
    expect(drafted({ text: "SELEC", detail: { command, errorCode: 1064 } })?.name).toBe("SELEC");
  });

  test("affected rows are told where they mean something", () => {
    const affected = (text: string, affectedRows: number) =>
      drafted({ text, detail: { affectedRows } })?.attributes["olly.db.response.affected_rows"];
    expect(affected("UPDATE t SET a = 1", 0)).toBe(0);
    expect(affected("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", 2)).toBe(2);
    expect(affected("CREATE TABLE t SELECT 1", 5)).toBe(5);
    expect(affected("SET a = 1", 0)).toBeUndefined();
  });
});
