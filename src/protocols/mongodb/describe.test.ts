import { expect, describe as suite, test } from "bun:test";
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { SpanKind, StatusCode } from "../../model/span.ts";
import { describe } from "./describe.ts";
import type { Command, MongodbDetail } from "./types.ts";

const client: ConnectionInfo = {
  id: 1,
  processId: 1,
  role: "client",
  transport: "tcp",
  remote: { address: "2001:db8::5", port: 27_017 },
  local: { address: "2001:db8::9", port: 40_000 },
  tls: false,
  midstream: false,
};

interface Given {
  readonly command?: Partial<Command>;
  readonly detail?: Partial<MongodbDetail>;
  readonly connection?: Partial<ConnectionInfo>;
  readonly outcome?: Outcome;
}

function drafted({ command, detail, connection, outcome = "complete" }: Given) {
  const exchange: Exchange<MongodbDetail> = {
    protocol: "mongodb",
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
      command: {
        operation: "find",
        namespace: "shop",
        collection: "orders",
        statements: undefined,
        applicationName: undefined,
        forDocuments: false,
        ...command,
      },
      applicationName: "app",
      code: undefined,
      failed: false,
      returned: undefined,
      affected: undefined,
      doubtful: false,
      ...detail,
    },
  };
  const draft = describe(exchange);
  return { draft, attributes: Object.fromEntries(draft?.attributes ?? []) };
}

suite("describe", () => {
  test("an operation of a client", () => {
    const { draft, attributes } = drafted({ detail: { returned: 2 } });
    expect(draft).toMatchObject({
      name: "find orders",
      kind: SpanKind.client,
      status: StatusCode.unset,
      statusMessage: undefined,
    });
    expect(attributes).toEqual({
      "db.system.name": "mongodb",
      "db.collection.name": "orders",
      "db.namespace": "shop",
      "db.operation.name": "find",
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

  test("a client that looked its server up by a name", () => {
    expect(drafted({ connection: { remoteName: "db.example" } }).attributes).toMatchObject({
      "server.address": "db.example",
      "network.peer.address": "2001:db8::5",
      "network.peer.port": 27_017,
    });
  });

  const names: readonly (readonly [name: string, given: Given])[] = [
    ["ping admin", { command: { operation: "ping", namespace: "admin", collection: undefined } }],
    ["orders", { command: { operation: undefined } }],
    [
      "killCursors [2001:db8::5]:27017",
      { command: { operation: "killCursors", namespace: undefined, collection: undefined } },
    ],
    [
      "mongodb",
      {
        command: { operation: undefined, namespace: undefined, collection: undefined },
        connection: { remote: undefined },
      },
    ],
  ];
  test.each(names)("name %s", (name, given) => {
    expect(drafted(given).draft?.name).toBe(name);
  });

  test("a batch has its size, a single statement none", () => {
    const size = (statements: number) =>
      drafted({ command: { statements } }).attributes["db.operation.batch.size"];
    expect([0, 1, 2].map(size)).toEqual([0, undefined, 2]);
  });

  const errors: readonly (readonly [type: string | undefined, given: Given])[] = [
    [undefined, {}],
    ["11000", { detail: { failed: true, code: 11_000 } }],
    ["_OTHER", { detail: { failed: true } }],
    ["connection_closed", { outcome: "closed_early" }],
    ["timeout", { outcome: "no_response" }],
    [undefined, { outcome: "no_response", detail: { doubtful: true } }],
    [undefined, { outcome: "truncated" }],
    [undefined, { outcome: "one_way" }],
  ];
  test.each(errors)("error.type %s", (type, given) => {
    const { draft, attributes } = drafted(given);
    expect(attributes["error.type"]).toBe(type);
    expect(draft?.status).toBe(type === undefined ? StatusCode.unset : StatusCode.error);
  });
});
