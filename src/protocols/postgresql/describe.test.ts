import { expect, describe as suite, test } from "bun:test";
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { SpanKind, StatusCode } from "../../model/span.ts";
import { describeSqlText, sqlDialects } from "../sql/index.ts";
import { describe } from "./describe.ts";
import type { PostgresqlDetail } from "./types.ts";

const client: ConnectionInfo = {
  id: 1,
  processId: 1,
  role: "client",
  transport: "tcp",
  remote: { address: "2001:db8::5", port: 5432 },
  local: { address: "2001:db8::9", port: 40_000 },
  tls: false,
  midstream: false,
};

interface Given {
  readonly text?: string;
  readonly detail?: Partial<PostgresqlDetail>;
  readonly connection?: Partial<ConnectionInfo>;
  readonly outcome?: Outcome;
}

function drafted({ text, detail, connection, outcome = "complete" }: Given) {
  const statement =
    text === undefined
      ? undefined
      : {
          description: describeSqlText(text, sqlDialects.postgresql),
          truncated: false,
          chars: text.length,
        };
  const exchange: Exchange<PostgresqlDetail> = {
    protocol: "postgresql",
    connection: { ...client, ...connection },
    index: 0,
    startNs: 1,
    endNs: 2,
    tid: 1,
    eventLoop: false,
    traceparent: undefined,
    tracestate: undefined,
    outcome,
    context: undefined,
    detail: {
      operation: "query",
      statement,
      database: "shop",
      applicationName: "app",
      transaction: "idle",
      sqlState: undefined,
      returnedRows: undefined,
      affectedRows: undefined,
      aborted: false,
      ...detail,
    },
  };
  const draft = describe(exchange);
  return { draft, attributes: Object.fromEntries(draft?.attributes ?? []) };
}

suite("describe", () => {
  test("a client that looked its server up by a name", () => {
    const text = "SELECT 1";
    const named = drafted({ text, connection: { remoteName: "db.example" } }).attributes;
    expect(named).toMatchObject({
      "server.address": "db.example",
      "network.peer.address": "2001:db8::5",
      "network.peer.port": 5432,
    });
    expect(drafted({ text }).attributes).not.toHaveProperty("network.peer.address");
    const nameless = { database: undefined, statement: undefined };
    const port = { address: "2001:db8::5", port: 5433 };
    const { draft } = drafted({
      detail: nameless,
      connection: { remoteName: "db.example", remote: port },
    });
    expect(draft?.name).toBe("db.example:5433");
  });

  test("a query of a client", () => {
    const { draft, attributes } = drafted({
      text: "SELECT a FROM t WHERE b = 'x'",
      detail: { returnedRows: 2 },
    });
    expect(draft).toMatchObject({
      name: "SELECT t",
      kind: SpanKind.client,
      status: StatusCode.unset,
      statusMessage: undefined,
    });
    expect(attributes).toEqual({
      "db.system.name": "postgresql",
      "db.namespace": "shop",
      "db.query.text": "SELECT a FROM t WHERE b = ?",
      "db.query.summary": "SELECT t",
      "db.response.returned_rows": 2,
      "server.address": "2001:db8::5",
    });
  });

  test("the server's side tells its own address and who calls", () => {
    const local = { address: "192.0.2.1", port: 6000 };
    const { draft, attributes } = drafted({ connection: { role: "server", local } });
    expect(draft?.kind).toBe(SpanKind.server);
    expect(attributes).toMatchObject({
      "server.address": "192.0.2.1",
      "server.port": 6000,
      "olly.db.application_name": "app",
    });
  });

  const names: readonly (readonly [name: string, given: Given])[] = [
    ["shop", {}],
    ["[2001:db8::5]:5432", { detail: { database: undefined } }],
    ["postgresql", { detail: { database: undefined }, connection: { remote: undefined } }],
    ["FunctionCall shop", { detail: { operation: "functionCall" } }],
    [
      "CancelRequest [2001:db8::5]:5432",
      { detail: { operation: "cancel", database: undefined }, outcome: "one_way" },
    ],
    ["BATCH", { text: "BEGIN; SELECT 1" }],
    ["BATCH SELECT t", { text: "SELECT 1 FROM t; SELECT 2 FROM t" }],
  ];
  test.each(names)("name %s", (name, given) => {
    expect(drafted(given).draft?.name).toBe(name);
  });

  const errors: readonly (readonly [type: string | undefined, given: Given])[] = [
    [undefined, {}],
    ["42P01", { detail: { sqlState: "42P01" } }],
    ["02000", { detail: { sqlState: "02000" } }],
    [undefined, { detail: { sqlState: "01000" } }],
    ["pipeline_aborted", { detail: { aborted: true } }],
    ["connection_closed", { outcome: "closed_early" }],
    ["timeout", { outcome: "no_response" }],
    [undefined, { outcome: "truncated" }],
  ];
  test.each(errors)("error.type %s", (type, given) => {
    const { draft, attributes } = drafted(given);
    expect(attributes["error.type"]).toBe(type);
    expect(draft?.status).toBe(type === undefined ? StatusCode.unset : StatusCode.error);
    expect(attributes["db.response.status_code"]).toBe(given.detail?.sqlState);
    const { outcome = "complete" } = given;
    expect(attributes["olly.exchange.outcome"]).toBe(outcome === "complete" ? undefined : outcome);
  });

  test("what was only prepared makes a span when it failed", () => {
    expect(drafted({ detail: { operation: "prepare" } }).draft).toBeUndefined();
    const failed = drafted({ detail: { operation: "prepare", sqlState: "42601" } });
    expect(failed.draft?.status).toBe(StatusCode.error);
  });
});
