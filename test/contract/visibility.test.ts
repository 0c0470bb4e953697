/** What olly says it does not see is the same in the program, its documentation and libolly. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { openSslFunctions } from "../../src/host/visibility/file-facts.ts";
import { tlsLibraries } from "../../src/host/visibility/tls-libraries.ts";
import { blindSpots } from "../../src/model/visibility.ts";

const root = resolve(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

describe("README.md", () => {
  const [, rest = ""] = read("README.md").split("\n## What olly does not see\n");
  const [section = ""] = rest.split("\n## ");

  test.each(Object.values(blindSpots).filter(({ kind }) => kind === "whole" || kind === "part"))(
    "names $title",
    ({ title, meaning, fix }) => {
      expect(section).toContain(`| ${title} | ${meaning} | ${fix} |`);
    },
  );
});

test("hook_tls_static.c asks for the functions that are looked for in an executable", () => {
  const code = read("libolly/src/hook_tls_static.c");
  const names = /olly__names\[\] = \{([^}]*)\}/.exec(code)?.[1]?.match(/\w+/g);
  expect(openSslFunctions).toEqual(names ?? []);
});

describe("libolly.map", () => {
  const exported = new Set(read("libolly/libolly.map").match(/\w+/g));

  test.each([...tlsLibraries])("$name is visible when it is hooked", ({ hook, visible }) => {
    expect(visible).toBe(exported.has(hook));
  });
});
