import { describe, expect, test } from "bun:test";
import { parseRouteTemplate } from "../lib/route-template.ts";
import { limits } from "../limits.ts";
import type { Attribute } from "../model/attributes.ts";
import type { RouteSettings, RouteTemplate } from "../model/route.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../model/span.ts";
import { Routes } from "./routes.ts";

const LEARN: RouteSettings = { templates: [], learn: true, clients: false };

function template(text: string, service?: string): RouteTemplate {
  const parsed = parseRouteTemplate(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return { text, ...parsed, service };
}

function draft(attributes: Attribute[], name = "GET", kind: SpanKind = SpanKind.server): SpanDraft {
  return { name, kind, attributes, status: StatusCode.unset, statusMessage: undefined };
}

function request(path: string, status = 200, method = "GET"): SpanDraft {
  const attributes: Attribute[] = [
    ["http.request.method", method],
    ["url.path", path],
  ];
  if (status > 0) attributes.push(["http.response.status_code", status]);
  return draft(attributes, method === "_OTHER" ? "HTTP" : method);
}

function call(url: string, address = "shop.test"): SpanDraft {
  const attributes: Attribute[] = [
    ["http.request.method", "GET"],
    ["url.full", url],
    ["server.address", address],
    ["server.port", 80],
    ["http.response.status_code", 200],
  ];
  return draft(attributes, "GET", SpanKind.client);
}

/** Name and what was added to the attributes. */
function told(routes: Routes, given: SpanDraft, service = "shop"): [string, ...Attribute[]] {
  const before = given.attributes.length;
  const named = routes.named(given, service);
  return [named.name, ...named.attributes.slice(before)];
}

describe("spans of servers", () => {
  test("a learnt route is no http.route", () => {
    expect(told(new Routes(LEARN), request("/users/12"))).toEqual([
      "GET /users/{id}",
      ["olly.http.route.learnt", "/users/{id}"],
    ]);
  });

  test("a configured one is, and goes before what was learnt", () => {
    const settings = { ...LEARN, templates: [template("/users/{user}")] };
    const routes = new Routes(settings);
    expect(told(routes, request("/users/12"))).toEqual([
      "GET /users/{user}",
      ["http.route", "/users/{user}"],
    ]);
    expect(told(routes, request("/users/12", 404))[0]).toBe("GET /users/{user}");
    expect(told(routes, request("/orders/12"))[0]).toBe("GET /orders/{id}");
    const strict = new Routes({ ...settings, learn: false });
    expect(told(strict, request("/users/12"))[0]).toBe("GET /users/{user}");
    expect(told(strict, request("/orders/12"))).toEqual(["GET"]);
  });

  test("templates of one service are not another's", () => {
    const templates = [template("/{all}", "shop-*"), template("/{any}")];
    const routes = new Routes({ ...LEARN, templates });
    expect(told(routes, request("/x"), "shop-eu")[0]).toBe("GET /{all}");
    expect(told(routes, request("/x"), "stock")[0]).toBe("GET /{any}");
  });

  test("each service learns for itself", () => {
    const routes = new Routes(LEARN);
    told(routes, request("/users/12"), "shop");
    expect(told(routes, request("/users/13", 404), "shop")[0]).toBe("GET /users/{id}");
    expect(told(routes, request("/users/13", 404), "stock")[0]).toBe("GET");
  });

  test("refusals and missing answers name nothing new, failures do", () => {
    for (const status of [0, 400, 401, 403, 404, 405, 429, 501]) {
      expect(told(new Routes(LEARN), request("/x", status))).toEqual(["GET"]);
    }
    for (const status of [101, 204, 301, 402, 409, 422, 500, 503]) {
      expect(told(new Routes(LEARN), request("/x", status))[0]).toBe("GET /x");
    }
  });

  test("what has no path, or a name of its own, stays as it is", () => {
    const routes = new Routes(LEARN);
    expect(told(routes, request("*", 200, "OPTIONS"))).toEqual(["OPTIONS"]);
    expect(told(routes, request("", 200, "CONNECT"))).toEqual(["CONNECT"]);
    const rpc = { ...request("/shop.Shop/Get"), name: "shop.Shop/Get" };
    expect(told(routes, rpc)).toEqual(["shop.Shop/Get"]);
    expect(told(routes, draft([["db.system.name", "redis"]]))).toEqual(["GET"]);
    expect(routes.nodes).toBe(0);
  });

  test("a method nobody knows is HTTP", () => {
    expect(told(new Routes(LEARN), request("/x", 200, "_OTHER"))[0]).toBe("HTTP /x");
  });
});

describe("spans of clients", () => {
  test("are named when the configuration says so", () => {
    expect(told(new Routes(LEARN), call("http://shop.test/users/12?x=/y"))).toEqual(["GET"]);
    const templates = [template("/orders/{order}")];
    const routes = new Routes({ templates, learn: true, clients: true });
    expect(told(routes, call("http://shop.test/users/12?x=/y"))).toEqual([
      "GET /users/{id}",
      ["olly.http.route.learnt", "/users/{id}"],
    ]);
    expect(told(routes, call("http://shop.test/orders/12"))).toEqual([
      "GET /orders/{order}",
      ["url.template", "/orders/{order}"],
    ]);
    expect(told(routes, call("http://shop.test"))).toEqual(["GET"]);
    expect(told(routes, call("http://shop.test?a=/b"))).toEqual(["GET"]);
  });

  test("what one server has taught is not told of another, nor of the service itself", () => {
    const routes = new Routes({ ...LEARN, clients: true });
    const many = (address: string) => {
      for (const one of "abcdefgh")
        for (const other of "abcdefgh") told(routes, call(`http://s/${one}${other}`, address));
    };
    many("one.test");
    expect(told(routes, call("http://s/zz", "one.test"))[0]).toBe("GET /{name}");
    expect(told(routes, call("http://s/zz", "two.test"))[0]).toBe("GET /zz");
    expect(told(routes, request("/zz"))[0]).toBe("GET /zz");
  });
});

test("services that come and go leave nothing behind", () => {
  const routes = new Routes({ ...LEARN, templates: [template("/never")] });
  for (let index = 0; index < 5 * limits.routeScopesMax; index++) {
    told(routes, request("/a/b"), `job-${index}`);
    told(routes, request("/c"), "shop");
    expect(routes.nodes).toBeLessThanOrEqual(2 * limits.routeScopesMax + 1);
  }
  // The one that is used all the time has not been forgotten.
  expect(told(routes, request("/c", 404), "shop")[0]).toBe("GET /c");
});
