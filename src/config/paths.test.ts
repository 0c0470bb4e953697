import { describe, expect, test } from "bun:test";
import { defaultSocketPath, socketPathProblem } from "./paths.ts";

describe("defaultSocketPath", () => {
  const cases: [uid: number, runtime: string | undefined, path: string][] = [
    [0, "/run/user/0", "/var/run/olly/hook.sock"],
    [1000, "/run/user/1000", "/run/user/1000/olly/hook.sock"],
    [1000, undefined, "/tmp/olly-1000/hook.sock"],
    [1000, "relative", "/tmp/olly-1000/hook.sock"],
    [1000, `/${"x".repeat(200)}`, "/tmp/olly-1000/hook.sock"],
  ];
  test.each(cases)("of user %p with %p", (uid, runtime, path) => {
    expect(defaultSocketPath({ uid, environment: { XDG_RUNTIME_DIR: runtime } })).toBe(path);
  });
});

describe("socketPathProblem", () => {
  test("leaves room for the status socket in the same directory", () => {
    // status.sock has 11 characters: a directory of 95 is the longest.
    expect(socketPathProblem(`/${"d".repeat(94)}/h.sock`)).toBeUndefined();
    expect(socketPathProblem(`/${"d".repeat(95)}/h.sock`)).toContain("1 bytes too long");
  });
  test("counts bytes, not characters", () => {
    expect(socketPathProblem(`/${"é".repeat(60)}/h.sock`)).toContain("too long");
  });
  test("wants a file", () => expect(socketPathProblem("/run/olly/")).toContain("a directory"));
});
