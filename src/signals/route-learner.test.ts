import { describe, expect, test } from "bun:test";
import { limits } from "../limits.ts";
import { segmentsOf } from "./path-segments.ts";
import { RouteLearner } from "./route-learner.ts";

function setUp(nodes = 0) {
  const memory = { nodes };
  const learner = new RouteLearner(memory);
  return {
    ...{ memory, learner },
    served: (path: string) => learner.route(segmentsOf(path), true),
    refused: (path: string) => learner.route(segmentsOf(path), false),
  };
}

/** The same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const user = (index: number) =>
  `ada-${"abcdefghij"[index % 10]}${"klmnopqrst"[(index / 10) | 0] ?? "z"}`;

describe("a service's routes", () => {
  test("are its paths with placeholders", () => {
    const { served } = setUp();
    expect(served("/")).toBe("/");
    expect(served("/users/12/orders/2024-05-17")).toBe("/users/{id}/orders/{date}");
    expect(served("/v1/users/")).toBe("/v1/users");
    expect(served("/static/css/app.3f2a1b.css")).toBe("/static/css/{file}.css");
    expect(served(`/deep${"/a".repeat(30)}`)).toBe(`/deep${"/a".repeat(15)}/*`);
  });

  test("what was refused teaches nothing, and is named when it is known", () => {
    const { served, refused, learner } = setUp();
    expect(refused("/users/99")).toBeUndefined();
    expect(refused("/wp-admin/setup.php")).toBeUndefined();
    expect([learner.nodes, learner.names]).toEqual([0, 0]);
    served("/users/12");
    expect(refused("/users/99")).toBe("/users/{id}");
    // On the way to a route, but none.
    expect(refused("/users")).toBeUndefined();
    expect(refused("/users/99/x")).toBeUndefined();
    expect(learner.names).toBe(1);
  });

  test("too many words at one place were values", () => {
    const { served, learner } = setUp();
    const names = new Set<string | undefined>();
    for (let index = 0; index < 100; index++) names.add(served(`/users/${user(index)}/orders`));
    expect(names.size).toBe(limits.routeWordsMax + 1);
    expect(served(`/users/${user(0)}/orders`)).toBe("/users/{name}/orders");
    // What was kept of the words is given back.
    expect(learner.nodes).toBe(3);
  });

  test("words that are asked for again and again stay", () => {
    const { served, refused } = setUp();
    for (let index = 0; index < limits.routeWordServedMin; index++) served("/users/search");
    for (let index = 0; index < limits.routeWordsMax; index++) served(`/users/${user(index)}`);
    expect(served("/users/search")).toBe("/users/search");
    expect(served("/users/12")).toBe("/users/{id}");
    expect(served(`/users/${user(0)}`)).toBe("/users/{name}");
    expect(refused("/users/nobody")).toBe("/users/{name}");
  });

  test("extensions nobody knows are words, too", () => {
    const { served } = setUp();
    const names = new Set<string | undefined>();
    for (const one of "abcdefghij")
      for (const other of "klmnopqrst") names.add(served(`/files/1.q${one}${other}`));
    expect(names.size).toBe(limits.routeWordsMax + 1);
  });

  test("no more names than one service may have", () => {
    const { served, learner } = setUp();
    const names = new Set<string | undefined>();
    for (let one = 0; one < 30; one++)
      for (let other = 0; other < 30; other++)
        for (let last = 0; last < 3; last++)
          names.add(served(`/${user(one)}/${user(other)}/${user(last)}`));
    names.delete(undefined);
    expect(names.size).toBe(limits.routeNamesMax);
    expect(learner.names).toBe(limits.routeNamesMax);
    // Known ones are told as before.
    expect(served(`/${user(0)}/${user(0)}/${user(0)}`)).toBe(`/${user(0)}/${user(0)}/${user(0)}`);
  });

  test("no memory, no new name", () => {
    const { served, memory } = setUp(limits.routesNodesMax - 1);
    expect(served("/a")).toBe("/a");
    expect(served("/b")).toBeUndefined();
    expect(memory.nodes).toBe(limits.routesNodesMax);
  });
});

describe("whatever is asked for", () => {
  const PIECES = [
    ..."/ // . .. % %2F %C3%BC ; ;a=b ~ @ 1 12 2024-05-17 abc users orders .json .css".split(" "),
    ..."{id} {name} * 3f2a1b4c \u0000 ü \ud800 AbCdEfGhIjKlMnOp 127.0.0.1 a@b.c v1".split(" "),
  ];

  function randomPath(next: (below: number) => number): string {
    let path = "/";
    for (let count = next(24); count > 0; count--) {
      path += PIECES[next(PIECES.length)] ?? "";
      if (next(3) > 0) path += "/";
      if (next(9) === 0) path += String.fromCharCode(next(0x3000));
    }
    return path;
  }

  for (const seed of [1, 2, 3]) {
    test(`names are few, lasting and the same again (${seed})`, () => {
      const [one, other] = [setUp(), setUp()];
      const next = numbers(seed);
      const told = new Map<string, string[]>();
      const names = new Set<string>();
      for (let index = 0; index < 20_000; index++) {
        const path = randomPath(next);
        const isServed = next(4) > 0;
        const ask = isServed ? "served" : "refused";
        const name = one[ask](path);
        expect(other[ask](path)).toBe(name as string);
        expect(one.learner.nodes).toBeLessThanOrEqual(limits.routeNodesMax);
        if (name === undefined) continue;
        names.add(name);
        const before = told.get(path) ?? [];
        if (before.at(-1) !== name) told.set(path, [...before, name]);
      }
      expect(names.size).toBeGreaterThan(100);
      expect(names.size).toBeLessThanOrEqual(limits.routeNamesMax);
      expect(one.memory.nodes).toBe(one.learner.nodes);
      for (const [path, changes] of told) {
        // A name that has been left does not come back.
        expect([path, new Set(changes).size]).toEqual([path, changes.length]);
      }
    });
  }

  test("a path of a megabyte costs what its beginning costs", () => {
    const { served } = setUp();
    const long = "/a".repeat(500_000);
    expect(served(long)).toBe(served(long.slice(0, 2_000)) as string);
    expect(served(`/users/${"1".repeat(1_000_000)}`)).toBe("/users/*");
  });
});
