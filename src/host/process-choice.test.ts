import { describe, expect, test } from "bun:test";
import type { ProcessRule, RuleAction, RuleSubject } from "../model/process-rule.ts";
import { ProcessChoice } from "./process-choice.ts";
import type { HostFiles } from "./process-files.ts";

const CONTAINER = "0123456789abcdef".repeat(4);
const PID = 77;

const texts: Readonly<Record<string, string>> = {
  "/proc/77/cmdline": "python3\0-m\0gunicorn\0shop:app\0--workers\0two\0a\0b\0ninth\0",
  "/proc/77/status": "Name:\tx\nUid:\t0\t33\t33\t33\n",
  "/proc/77/cgroup": `0::/system.slice/docker-${CONTAINER}.scope/system.slice/shop.service\n`,
  "/etc/passwd": "root:x:0:0::/:\nwww-data:x:33:33::/:\n",
};

const files: HostFiles = {
  text: (path) => texts[path],
  link: (path) => (path === "/proc/77/exe" ? "/usr/bin/other" : undefined),
};
const noFiles: HostFiles = { text: () => undefined, link: () => undefined };

const hello = {
  executable: "/usr/bin/python3.11",
  args: ["python3", "-m", "gunicorn", "shop:app", "--workers", "two", "a", "b"],
  environment: new Map<string, string>(),
};

function rule(
  action: RuleAction,
  ...conditions: readonly [RuleSubject, string, ...string[]][]
): ProcessRule {
  return {
    action,
    conditions: conditions.map(([subject, ...patterns]) => [subject, patterns] as const),
  };
}

function wants(rules: readonly ProcessRule[], otherwise: RuleAction = "allow", from = files) {
  return new ProcessChoice({ rules, otherwise }, from).wants({ pid: PID, uid: 33, hello });
}

describe("conditions", () => {
  const cases: readonly [RuleSubject, string, boolean][] = [
    ["executable", "python3.11", true],
    ["executable", "python3*", true],
    ["executable", "python3", false],
    ["executable", "/usr/bin/python3.11", true],
    ["executable", "/usr/*", true],
    ["executable", "bin/python3.11", false],
    ["executable", "other", false],
    ["arguments", "gunicorn shop", true],
    ["arguments", "ninth", true],
    ["arguments", "*--workers two*", true],
    ["arguments", "--workers*", false],
    ["user", "www-data", true],
    ["user", "33", true],
    ["user", "www-*", true],
    ["user", "root", false],
    ["user", "3", false],
    ["cgroup", "/system.slice/*", true],
    ["cgroup", "/system.slice", false],
    ["unit", "shop.service", true],
    ["unit", "shop", false],
    ["container", CONTAINER, true],
    ["container", CONTAINER.slice(0, 12), true],
    ["container", "*", true],
    ["container", "ffffffffffff", false],
  ];
  test.each(cases)("%s %s: %p", (subject, pattern, expected) => {
    expect(wants([rule("deny", [subject, pattern])])).toBe(!expected);
    expect(wants([rule("allow", [subject, pattern])], "deny")).toBe(expected);
  });

  test("all conditions of a rule have to hold, each by one of its patterns", () => {
    const both = rule("deny", ["user", "root", "www-data"], ["executable", "python3*"]);
    expect(wants([both])).toBe(false);
    expect(wants([rule("deny", ["user", "www-data"], ["executable", "nginx"])])).toBe(true);
  });
});

test("the first rule that matches decides, and without one the default", () => {
  const allow = rule("allow", ["user", "www-data"]);
  const deny = rule("deny", ["executable", "python*"]);
  expect(wants([allow, deny])).toBe(true);
  expect(wants([deny, allow])).toBe(false);
  expect(wants([rule("deny", ["user", "root"])], "allow")).toBe(true);
  expect(wants([], "deny")).toBe(false);
});

test("what cannot be known of a process that has ended leaves it alone", () => {
  for (const [subject, pattern] of [
    ["cgroup", "/x"],
    ["unit", "x"],
    ["container", "*"],
  ] as const) {
    expect(wants([rule("deny", [subject, pattern])], "allow", noFiles)).toBe(false);
    expect(wants([rule("allow", [subject, pattern])], "deny", noFiles)).toBe(false);
  }
  const elsewhere = rule("deny", ["cgroup", "/x"], ["executable", "nginx"]);
  expect(wants([elsewhere], "allow", noFiles)).toBe(true);
  expect(wants([rule("deny", ["user", "33"])], "allow", noFiles)).toBe(false);
  expect(wants([rule("deny", ["arguments", "gunicorn"])], "allow", noFiles)).toBe(false);
});

test("a host process is in no unit and in no container", () => {
  const cgroup: HostFiles = {
    ...noFiles,
    text: (path) => (path.endsWith("cgroup") ? "0::/\n" : ""),
  };
  expect(wants([rule("deny", ["container", "*"])], "allow", cgroup)).toBe(true);
  expect(wants([rule("deny", ["unit", "*"])], "allow", cgroup)).toBe(true);
});

test("arguments are those of the program that said hello, not of one that followed it", () => {
  const followed: HostFiles = { ...noFiles, text: () => "sh\0-c\0gunicorn\0" };
  const said = { ...hello, args: ["cat", "file"] };
  const choice = new ProcessChoice(
    { rules: [rule("deny", ["arguments", "gunicorn"])], otherwise: "allow" },
    followed,
  );
  expect(choice.wants({ pid: PID, uid: 33, hello: said })).toBe(true);
});

test("who is left alone is counted by rule", () => {
  const choice = new ProcessChoice(
    { rules: [rule("deny", ["executable", "sshd", "cron"], ["user", "root"])], otherwise: "deny" },
    files,
  );
  choice.wants({ pid: PID, uid: 33, hello });
  choice.wants({ pid: 1, uid: 0, hello: { ...hello, executable: "/usr/sbin/sshd" } });
  choice.wants({ pid: 2, uid: 0, hello: { ...hello, executable: "/usr/sbin/cron" } });
  expect(choice.leftAlone()).toEqual({
    "default deny": 1,
    "deny executable=sshd|cron user=root": 2,
  });
});

test("a name that /etc/passwd lacks may be that of a user whom it lacks, too", () => {
  const directory: HostFiles = {
    ...files,
    text: (path) => (path === "/etc/passwd" ? "root:x:0:0::/root:/bin/sh\n" : files.text(path)),
  };
  expect(wants([rule("deny", ["user", "alice"])], "allow", directory)).toBe(false);
  expect(wants([rule("allow", ["user", "alice"])], "deny", directory)).toBe(false);
  expect(wants([rule("deny", ["user", "root"])], "allow", directory)).toBe(true);
  expect(wants([rule("deny", ["user", "alice"])])).toBe(true);
});
