import { describe, expect, test } from "bun:test";
import { parseRouteTemplate } from "../lib/route-template.ts";
import type { RouteTemplate } from "../model/route.ts";
import { segmentsOf } from "./path-segments.ts";
import { TemplateTree } from "./route-templates.ts";

function template(text: string): RouteTemplate {
  const parsed = parseRouteTemplate(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return { text, ...parsed, service: undefined };
}

describe("the template that fits", () => {
  const tree = new TemplateTree(
    [
      ..."/ /users/{id} /users/me /users/{name} /users/{id}/orders /users/me/{what}".split(" "),
      ..."/{tenant}/users /files/* /files/{name}/meta /files/{name}.json /@{user}".split(" "),
      ..."/report-{year}-{month} /report-{year} /a/{b}/c/*".split(" "),
    ]
      .filter((text) => !("problem" in parseRouteTemplate(text)))
      .map(template),
  );
  const cases: readonly (readonly [path: string, route: string | undefined])[] = [
    ["/", "/"],
    ["/users/12", "/users/{id}"],
    ["/users/12/", "/users/{id}"],
    ["//users//12", "/users/{id}"],
    ["/users/me", "/users/me"],
    ["/users/%6de", "/users/me"],
    ["/users/12/orders", "/users/{id}/orders"],
    // What begins like the more specific one falls back to the other.
    ["/users/me/orders", "/users/me/{what}"],
    ["/users/me/a/b", undefined],
    ["/shop/users", "/{tenant}/users"],
    ["/users/users", "/users/{id}"],
    ["/files", undefined],
    ["/files/a", "/files/*"],
    ["/files/a/b/c", "/files/*"],
    ["/files/a/meta", "/files/{name}/meta"],
    ["/files/a.json", "/files/{name}.json"],
    ["/files/.json", "/files/*"],
    ["/@ada", "/@{user}"],
    ["/@", undefined],
    ["/report-2024", "/report-{year}"],
    ["/a/x/c", undefined],
    ["/a/x/c/d", "/a/{b}/c/*"],
    [`/files${"/a".repeat(40)}`, "/files/*"],
    [`/users/${"1".repeat(70_000)}`, undefined],
  ];
  for (const [path, route] of cases) {
    test(path.slice(0, 40), () => expect(tree.find(segmentsOf(path))).toBe(route as string));
  }

  test("no order of the configuration changes it", () => {
    const texts = ["/a/*", "/a/{b}", "/a/x{b}", "/a/xy{b}", "/a/xyz", "/{a}/xyz", "/*"];
    for (const order of [texts, [...texts].reverse()]) {
      const other = new TemplateTree(order.map(template));
      const found = ["/a/xyz", "/a/xyq", "/a/xq", "/a/q", "/a/q/q", "/b/xyz", "/b"].map((path) =>
        other.find(segmentsOf(path)),
      );
      expect(found).toEqual([..."/a/xyz /a/xy{b} /a/x{b} /a/{b} /a/* /{a}/xyz /*".split(" ")]);
    }
  });

  test("many alike are each looked at once", () => {
    // Every level has a text and a placeholder that fit: 2^16 ways through a table of patterns.
    const parts = Array.from({ length: 11 }, (_, bit) => 1 << bit);
    const alike = Array.from({ length: 2_000 }, (_, index) =>
      template(`/${parts.map((bit) => (index & bit ? "{x}" : "x")).join("/")}/end`),
    );
    const alikeTree = new TemplateTree(alike);
    let looked = 0;
    const segments = new Proxy([...parts.map(() => "x"), "other"], {
      get: (target, key) => {
        looked++;
        return Reflect.get(target, key);
      },
    });
    expect(alikeTree.find({ segments, isCut: false })).toBe(undefined as unknown as string);
    expect(looked).toBeLessThan(2 * 4_096);
  });
});

test("templates that are none", () => {
  const cases: readonly (readonly [text: string, problem: string])[] = [
    ["", "must begin with /"],
    ["users", "must begin with /"],
    ["/a?b", "must be a path without query, escapes and blanks"],
    ["/a b", "must be a path without query, escapes and blanks"],
    ["/ü", "must be a path without query, escapes and blanks"],
    ["/*/a", "may have * only as its last segment"],
    ["/a*", "may have * only as its last segment"],
    ["/{}", "has {}, where one {name} is expected"],
    ["/{a", "has {a, where one {name} is expected"],
    ["/a}", "has a}, where one {name} is expected"],
    ["/}a{", "has }a{, where one {name} is expected"],
    ["/{a}{b}", "has {a}{b}, where one {name} is expected"],
    ["/a".repeat(17), "has more than 16 segments"],
    [`/${"a".repeat(1_024)}`, "is longer than 1024 characters"],
  ];
  for (const [text, problem] of cases) expect(parseRouteTemplate(text)).toEqual({ problem });
});
