/** What the fixtures do not show: multiplexing, roles, refusals, cut parameters, losses. */
import { describe, expect, test } from "bun:test";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import {
  type Played,
  play,
  type Step,
  testConnection,
} from "../../../test/harness/stream-cases.ts";
import type { ConnectionInfo } from "../../model/connection.ts";
import { headEnd, statusOf } from "./answer-head.ts";
import { detailOf } from "./http-request.ts";
import { fastcgi } from "./index.ts";
import { fastcgiLimits } from "./limits.ts";
import { Params } from "./params.ts";
import { conversation } from "./test-conversation.ts";
import * as build from "./test-records.ts";

const policy = { httpKnownMethods: new Set(["GET", "POST"]) };
const asked = (...parts: Uint8Array[]): Step => ({ side: "request", bytes: build.join(...parts) });
const told = (...parts: Uint8Array[]): Step => ({ side: "response", bytes: build.join(...parts) });

function played(steps: readonly Step[], connection: Partial<ConnectionInfo> = {}): Played {
  return play({ protocol: fastcgi, policy }, { name: "made", connection, steps, expected: [] });
}

/** "path status outcome" of each exchange. */
function lines({ exchanges }: Played): string[] {
  return exchanges.map(({ attributes, outcome }) => {
    const path = String(attributes["url.full"]).replace("http://a.test", "");
    return `${path} ${attributes["http.response.status_code"] ?? "-"} ${outcome}`;
  });
}

const page = (status: string) => `Status: ${status}\r\n\r\nhidden`;

describe("requests", () => {
  test("several at once on one connection are told apart by their ids", () => {
    const steps = [
      asked(build.request(1, build.get("/a")), build.begin(2)),
      asked(
        build.record(4, 2, build.pairs(build.get("/b"))),
        build.record(4, 2),
        build.record(5, 2),
      ),
      told(build.output(2, page("404 no")), build.output(1, "Status: 5")),
      told(build.output(1, "00\n"), build.output(1, "\nhidden"), build.end(2)),
      told(build.end(1)),
    ];
    expect(lines(played(steps))).toEqual(["/b 404 complete", "/a 500 complete"]);
  });

  test("an authorizer, with an exit status and errors", () => {
    const steps = [
      asked(build.request(1, build.get("/a"), 2)),
      told(build.record(7, 1, "hidden"), build.output(1, page("200 OK")), build.end(1, 3)),
    ];
    const [{ attributes } = { attributes: {} }] = played(steps).exchanges;
    expect(attributes).toMatchObject({
      "olly.fastcgi.role": "authorizer",
      "olly.fastcgi.app_status": 3,
      "olly.fastcgi.stderr_bytes": 6,
    });
    expect(JSON.stringify(attributes)).not.toContain("hidden");
  });

  const refusals: [status: number, error: string][] = [
    [1, "cant_multiplex"],
    [2, "overloaded"],
    [3, "unknown_role"],
    [9, "status_9"],
  ];
  test.each(refusals)("refused with status %d: %s", (status, error) => {
    const { exchanges } = played([asked(build.begin(1)), told(build.end(1, 0, status))]);
    expect(exchanges).toHaveLength(1);
    expect(exchanges[0]).toMatchObject({ error: true, attributes: { "error.type": error } });
  });

  test("an aborted one is no error", () => {
    const steps = [
      asked(build.request(1, build.get("/a"))),
      asked(build.record(2, 1)),
      told(build.end(1)),
    ];
    const [exchange] = played(steps).exchanges;
    expect([exchange?.outcome, exchange?.error]).toEqual(["complete", false]);
  });

  test("records of the connection itself make none", () => {
    const steps = [
      asked(build.request(1, build.get("/a"))),
      asked(build.record(9, 0, build.pairs({ FCGI_MAX_CONNS: "" }))),
      told(build.record(10, 0, build.pairs({ FCGI_MAX_CONNS: "1" }))),
      told(build.output(1, page("200 OK")), build.end(1)),
    ];
    expect(lines(played(steps))).toEqual(["/a 200 complete"]);
  });

  test("a traceparent is handed on", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const driver = new ReferenceDriver(fastcgi, testConnection);
    driver.feed("request", build.request(1, { HTTP_TRACEPARENT: traceparent }), 1);
    expect(driver.opened[0]?.traceparent).toBe(traceparent);
  });

  test("large input and output are skipped by their lengths", () => {
    const body = new Uint8Array(60_000).fill(1);
    const driver = new ReferenceDriver(fastcgi, testConnection);
    const upload = build.join(
      build.begin(1),
      build.record(4, 1, build.pairs(build.get("/a"))),
      build.record(4, 1),
    );
    driver.feed("request", upload, 1);
    const input = build.record(5, 1, body);
    driver.feed("request", input.subarray(0, 8), 2);
    driver.gap("request", input.length - 8, 3);
    driver.feed("request", build.record(5, 1), 4);
    driver.feed("response", build.output(1, page("201 Created")), 5);
    const output = build.record(6, 1, body);
    driver.feed("response", output.subarray(0, 20), 6);
    driver.gap("response", output.length - 20, 7);
    driver.feed("response", build.end(1), 8);
    expect(
      driver.closed.map(({ outcome, endNs, detail }) => [outcome, endNs, detail.statusCode]),
    ).toEqual([["complete", 8, 201]]);
  });

  test("a hundred show their numbers", () => {
    const { steps, markerOf } = conversation(100);
    const markers = played(steps).exchanges.map(({ name, attributes }) =>
      markerOf({ name, attributes: { ...attributes } }),
    );
    expect(markers).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });
});

describe("losses", () => {
  test("a request whose parameters were read keeps its answer when input is lost", () => {
    const steps: Step[] = [
      asked(build.request(1, build.get("/a"))),
      { ...asked(build.request(2, build.get("/b"))), gap: 100 },
      told(build.output(1, page("200 OK")), build.end(1)),
      told(build.output(2, page("201 OK")), build.end(2)),
    ];
    expect(lines(played(steps))).toEqual(["/a 200 complete", "/b 201 complete"]);
  });

  test("a loss of answers truncates what is under way; what follows is paired", () => {
    const steps: Step[] = [
      asked(build.request(1, build.get("/a"))),
      { ...told(build.end(1)), gap: 50 },
      asked(build.request(1, build.get("/b"))),
      told(build.output(1, page("200 OK")), build.end(1)),
    ];
    expect(lines(played(steps))).toEqual(["/a - truncated", "/b 200 complete"]);
  });

  test("an id that is used again ends the request before", () => {
    const steps = [
      asked(build.request(1, build.get("/a"))),
      asked(build.request(1, build.get("/b"))),
      told(build.output(1, page("200 OK")), build.end(1)),
    ];
    expect(lines(played(steps))).toEqual(["/a - truncated", "/b 200 complete"]);
  });

  test("joined in the middle: the second exchange is right", () => {
    const steps = [
      asked(build.record(5, 1, "hidden")),
      told(build.output(1, page("404 no")), build.end(1)),
      asked(build.request(1, build.get("/b"))),
      told(build.output(1, page("200 OK")), build.output(1, ""), build.end(1)),
    ];
    expect(lines(played(steps, { midstream: true }))).toEqual(["/b 200 complete"]);
  });

  test("more requests than are kept are not told", () => {
    const driver = new ReferenceDriver(fastcgi, testConnection);
    for (let id = 1; id <= fastcgiLimits.inFlightMax + 3; id++) {
      driver.feed("request", build.request(id, build.get("/a")), id);
    }
    expect(driver.openCount).toBe(fastcgiLimits.inFlightMax);
  });
});

describe("parameters", () => {
  const bytes = build.pairs({
    OTHER: "x".repeat(300),
    REQUEST_URI: `/long?${"q".repeat(200)}`,
    EMPTY: "",
    REQUEST_METHOD: "GET",
  });

  test("cut anywhere", () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const params = new Params();
      expect(params.add(bytes, 0, cut) && params.add(bytes, cut, bytes.length)).toBe(true);
      expect(params.values).toEqual({ uri: `/long?${"q".repeat(200)}`, method: "GET" });
    }
  });

  test("hostile lengths and endless parameters are bounded", () => {
    const params = new Params();
    expect(params.add(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 0, 8)).toBe(
      true,
    );
    const many = new Uint8Array(60_000);
    expect([
      params.add(many, 0, many.length),
      params.add(many, 0, many.length),
      params.add(many, 0, many.length),
    ]).toEqual([true, true, false]);
    expect(params.values).toEqual({});
  });

  const details: [values: Params["values"], wanted: object][] = [
    [{}, { version: "", method: undefined, target: undefined, scheme: undefined, host: undefined }],
    [
      { protocol: "HTTP/2.0", https: "on" },
      { version: "2", scheme: "https" },
    ],
    [
      { protocol: "INCLUDED", https: "" },
      { version: "", scheme: "http" },
    ],
    [
      { protocol: "HTTP/1.0", https: "off", scheme: "https" },
      { version: "1.0", scheme: "https" },
    ],
    [{ script: "/a.php", pathInfo: "/b", query: "c" }, { target: "/a.php/b?c" }],
    [{ script: "/a.php", query: "" }, { target: "/a.php" }],
    [{ remote: "192.0.2.1" }, { forwardedFor: "192.0.2.1" }],
    [{ remote: "192.0.2.1", forwardedFor: "192.0.2.2" }, { forwardedFor: "192.0.2.2" }],
  ];
  test.each(details)("%j", (values, wanted) => expect(detailOf(values, 1)).toMatchObject(wanted));
});

describe("an application's header", () => {
  const cases: [text: string, status: number][] = [
    ["Content-Type: text/html\r\n\r\n", 200],
    ["Status: 404 Not Found\r\n\r\n", 404],
    ["status:503\n\n", 503],
    ["Location: http://a.test/\r\n\r\n", 302],
    ["Location: /inside\r\n\r\n", 0],
    ["Location: /inside\r\nStatus: 301\r\n\r\n", 301],
    ["Status: nonsense\r\n\r\n", 0],
    ["Status: 1234\r\n\r\n", 0],
    ["\r\n", 200],
  ];
  test.each(cases)("%j says %d", (text, status) => {
    const bytes = new TextEncoder().encode(`${text}body`);
    const over = headEnd(bytes, 0, bytes.length);
    expect([over, statusOf(bytes, 0, over)]).toEqual([text.length, status]);
  });

  test("that never ends is not searched on", () => {
    const driver = new ReferenceDriver(fastcgi, testConnection);
    driver.feed("request", build.request(1, build.get("/a")), 1);
    for (let sent = 0; sent < 3; sent++)
      driver.feed("response", build.output(1, "x".repeat(8_000)), 2);
    driver.feed("response", build.join(build.output(1, "\n\nStatus: 500\n\n"), build.end(1)), 3);
    expect(driver.closed.map(({ outcome, detail }) => [outcome, detail.statusCode])).toEqual([
      ["complete", 0],
    ]);
  });
});

describe("detection", () => {
  const whole = build.request(1, build.get("/a"));
  const cases: [what: string, bytes: Uint8Array, said: string][] = [
    ["a request", whole, "request"],
    ["its first record", whole.subarray(0, 16), "request"],
    ["less than that", whole.subarray(0, 15), "more"],
    ["another role", build.request(1, build.get("/a"), 4), "no"],
    ["no parameters behind it", build.join(build.begin(1), build.record(5, 1)), "no"],
    ["parameters of another request", build.join(build.begin(1), build.record(4, 2)), "no"],
    ["request 0", build.join(build.begin(0), build.record(4, 0)), "no"],
    ["an answer", build.join(build.output(1, "x"), build.end(1)), "no"],
    ["zeros", new Uint8Array(32), "no"],
    ["HTTP", build.join(Buffer.from("GET / HTTP/1.1\r\n\r\n")), "no"],
  ];
  test.each(cases)("%s: %s", (_, bytes, said) => {
    const moments = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
    expect(fastcgi.detect({ bytes, start: 0, end: bytes.length, ...moments })).toBe(said as never);
  });
});
