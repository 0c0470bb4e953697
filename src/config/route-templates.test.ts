import { expect, test } from "bun:test";
import { limits } from "../limits.ts";
import { routeTemplates } from "./route-templates.ts";
import { yamlLayer } from "./yaml-layer.ts";

const key = routeTemplates("");

function textsOf(content: string): unknown {
  const problems: string[] = [];
  const layer = yamlLayer("olly.yaml", content, problems);
  const templates = layer["tracing.routes.templates"] ?? [];
  return problems.length > 0 ? problems : templates.map(({ text, service }) => [text, service]);
}

test("templates for all services, and for some", () => {
  const content = `tracing:
  routes:
    templates:
      - /users/{id}
      - shop: ["/orders/{id}", "/files/*"]
        stock-*: [/]
`;
  expect(textsOf(content)).toEqual([
    ["/users/{id}", undefined],
    ["/orders/{id}", "shop"],
    ["/files/*", "shop"],
    ["/", "stock-*"],
  ]);
});

test("in a variable they are YAML on one line", () => {
  const parsed = key.ofText('["/a/{b}", {shop: [/c]}]');
  expect(parsed).toMatchObject({ value: [{ text: "/a/{b}" }, { text: "/c", service: "shop" }] });
  expect(key.ofText("[{")).toMatchObject({ problem: expect.stringContaining("expects a list") });
});

test.each([
  ["/users", 'expects a list of templates such as /users/{id} or {shop: ["/orders/{id}"]}, got'],
  ["[12]", "got 12 in it"],
  ["[[/a]]", "got a list in it"],
  ["[users]", "has the template users, which must begin with /"],
  ["['/a/{b']", "has the template /a/{b, which has {b, where one {name} is expected"],
  ["[{shop: /a}]", "expects a list of templates for shop"],
  ["[{shop: [a]}]", "has the template a, which must begin with /"],
])("%s", (written, problem) => {
  const content = `tracing:\n  routes:\n    templates: ${written}\n`;
  const told = textsOf(content);
  expect(told).toEqual([expect.stringContaining(problem)]);
  expect(told).toEqual([expect.stringContaining("olly.yaml:3: tracing.routes.templates: ")]);
});

test("their number has a limit", () => {
  const many = Array.from({ length: limits.routeTemplatesMax }, (_, index) => `/a/b${index}`);
  expect(key.ofYaml(many)).toMatchObject({ value: expect.anything() });
  expect(key.ofYaml([...many, "/c"])).toEqual({
    problem: `has more than ${limits.routeTemplatesMax} templates`,
  });
});
