/** What the fixtures cannot show: outcomes that only the driver knows, and parts of addresses. */
import { describe, expect, test } from "bun:test";
import { testConnection } from "../../../test/harness/stream-cases.ts";
import type { Role } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { SpanKind, StatusCode } from "../../model/span.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../semconv/http.ts";
import {
  absoluteTargetOf,
  authorityOf,
  firstItemOf,
  forwardedParameter,
  nodeAddressOf,
} from "../http/authority.ts";
import { redactedAuthority, redactedPath, redactedQuery, SECRET_KEYS } from "../http/url.ts";
import { http1 } from "./index.ts";
import type { Http1Detail } from "./types.ts";

const policy = { httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT) };

const plainDetail: Http1Detail = {
  method: "GET",
  target: "/",
  version: "1.1",
  scheme: undefined,
  call: undefined,
  host: "a.test",
  userAgent: undefined,
  forwarded: undefined,
  forwardedFor: undefined,
  forwardedHost: undefined,
  forwardedProto: undefined,
  switches: false,
  statusCode: 0,
  truncated: false,
  hasUnknownFields: false,
  lacksFields: false,
  reset: undefined,
};

function draftOf(role: Role, outcome: Outcome, detail: Partial<Http1Detail> = {}) {
  const exchange: Exchange<Http1Detail> = {
    protocol: "http",
    connection: { ...testConnection, role },
    index: 0,
    startNs: 1,
    tid: 1,
    eventLoop: false,
    traceparent: undefined,
    tracestate: undefined,
    endNs: 2,
    outcome,
    detail: { ...plainDetail, ...detail },
    context: undefined,
  };
  const draft = http1.describe(exchange, policy);
  return { ...draft, attributes: Object.fromEntries(draft?.attributes ?? []) };
}

describe("describe", () => {
  const cases: [role: Role, outcome: Outcome, status: number, error: string | undefined][] = [
    ["client", "complete", 200, undefined],
    ["client", "complete", 399, undefined],
    ["client", "complete", 400, "400"],
    ["server", "complete", 400, undefined],
    ["server", "complete", 499, undefined],
    ["server", "complete", 500, "500"],
    ["client", "closed_early", 0, "connection_closed"],
    ["server", "closed_early", 0, "connection_closed"],
    ["server", "no_response", 0, "timeout"],
    ["client", "truncated", 0, undefined],
    ["client", "closed_early", 200, undefined],
    ["client", "truncated", 500, "500"],
    ["unknown", "complete", 404, "404"],
  ];
  test.each(cases)("%s, %s, %d: error.type is %s", (role, outcome, statusCode, error) => {
    const draft = draftOf(role, outcome, { statusCode });
    expect(draft.attributes["error.type"]).toBe(error);
    expect(draft.status).toBe(error === undefined ? StatusCode.unset : StatusCode.error);
    expect(draft.statusMessage).toBeUndefined();
    expect(draft.kind).toBe(role === "server" ? SpanKind.server : SpanKind.client);
    expect(draft.attributes["http.response.status_code"]).toBe(statusCode || undefined);
    expect(draft.attributes["olly.exchange.outcome"]).toBe(
      outcome === "complete" ? undefined : outcome,
    );
  });

  test("known methods are the configured ones", () => {
    const own = { httpKnownMethods: new Set(["PURGE"]) };
    const exchange = { detail: { ...plainDetail, method: "PURGE" } };
    const base = { connection: testConnection, outcome: "complete" as const };
    const draft = http1.describe({ ...base, ...exchange } as Exchange<Http1Detail>, own);
    expect(draft?.name).toBe("PURGE");
    expect(draftOf("client", "complete", { method: "PURGE" }).name).toBe("HTTP");
  });

  test("opt-in attributes are not sent", () => {
    const client = draftOf("client", "complete", { userAgent: "u" }).attributes;
    expect(client).not.toHaveProperty(["user_agent.original"]);
    expect(client).not.toHaveProperty(["url.scheme"]);
    const server = draftOf("server", "complete", { userAgent: "u" }).attributes;
    expect(server["user_agent.original"]).toBe("u");
    expect(server).not.toHaveProperty(["url.full"]);
    expect(server).not.toHaveProperty(["network.local.address"]);
  });
});

describe("authorities", () => {
  const cases: [text: string | undefined, address?: string, port?: number][] = [
    [undefined],
    [""],
    ["  "],
    [":80"],
    ["a.test", "a.test"],
    ["a.test:", "a.test"],
    ["a.test:8080", "a.test", 8080],
    ["a.test:0", "a.test"],
    ["a.test:65536", "a.test"],
    ["a.test:8o", "a.test"],
    ["user:p@ss@a.test:1", "a.test", 1],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:443", "2001:db8::1", 443],
    ["2001:db8::1", "2001:db8::1"],
  ];
  for (const [text, address, port] of cases) {
    test(`${text}`, () => {
      expect(authorityOf(text)).toEqual(address === undefined ? undefined : { address, port });
    });
  }

  test("absolute targets", () => {
    expect(absoluteTargetOf("HTTP://a:1/b?c")).toEqual({
      scheme: "http",
      authority: "a:1",
      rest: "/b?c",
    });
    expect(absoluteTargetOf("http://a")?.rest).toBe("");
    expect(absoluteTargetOf("http://a?b://c")?.rest).toBe("?b://c");
    for (const other of ["/a://b", "://a", "1http://a", "a b://c", "*", "a:80"]) {
      expect(absoluteTargetOf(other)).toBeUndefined();
    }
  });

  const forwarded: [text: string | undefined, name: string, value?: string][] = [
    [undefined, "for"],
    ["for=1.2.3.4", "for", "1.2.3.4"],
    ["by=x; For = 1.2.3.4 ;proto=https", "for", "1.2.3.4"],
    ['for="[2001:db8::1]:80";host="a,b;c"', "host", "a,b;c"],
    ['host="quoted \\" mark";for=x', "for", "x"],
    ["proto=http, for=5.6.7.8", "for"],
    ["for=", "for"],
    ["for", "for"],
    ['for="never closed', "for", '"never closed'],
  ];
  for (const [text, name, value] of forwarded) {
    test(`Forwarded ${text}: ${name} is ${value}`, () => {
      expect(forwardedParameter(text, name)).toBe(value);
    });
  }

  test("nodes and lists", () => {
    expect(nodeAddressOf("Unknown")).toBeUndefined();
    expect(nodeAddressOf("_gazonk")).toBeUndefined();
    expect(nodeAddressOf("192.0.2.43:47011")).toBe("192.0.2.43");
    expect(firstItemOf(" a , b")).toBe("a");
    expect(firstItemOf(", b")).toBeUndefined();
  });
});

describe("redaction", () => {
  test("every secret key alone and among others, whatever its value", () => {
    for (const key of SECRET_KEYS) {
      expect(redactedQuery(`${key}=a%3Db=c`)).toBe(`${key}=REDACTED`);
      expect(redactedPath(`/p?x=1&${key}=v&y`)).toBe(`/p?x=1&${key}=REDACTED&y`);
      expect(redactedQuery(key)).toBe(key);
      expect(redactedQuery(`my${key}=v&${key}2=w`)).toBe(`my${key}=v&${key}2=w`);
    }
  });

  test("what holds no secret stays as it is", () => {
    for (const path of ["/", "/a?b", "/a?b=c&d=e", "/sig=1"]) expect(redactedPath(path)).toBe(path);
    expect(redactedAuthority("a:1")).toBe("a:1");
    expect(redactedAuthority("u@a")).toBe("REDACTED:REDACTED@a");
  });
});
