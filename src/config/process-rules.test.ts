import { expect, test } from "bun:test";
import { processRules } from "./process-rules.ts";
import { yamlLayer } from "./yaml-layer.ts";

const key = processRules("");

test("rules keep their order; a value is a text, a number or a list", () => {
  const problems: string[] = [];
  const layer = yamlLayer(
    "olly.yaml",
    `hook:
  processes:
    default: deny
    rules:
      - deny: {executable: sshd, user: 0}
      - allow: {arguments: [gunicorn, "*uvicorn*"]}
`,
    problems,
  );
  expect(problems).toEqual([]);
  expect(layer).toEqual({
    "hook.processes.default": "deny",
    "hook.processes.rules": [
      {
        action: "deny",
        conditions: [
          ["executable", ["sshd"]],
          ["user", ["0"]],
        ],
      },
      { action: "allow", conditions: [["arguments", ["gunicorn", "*uvicorn*"]]] },
    ],
  });
});

test("in a variable it is YAML on one line", () => {
  expect(key.ofText("[{deny: {unit: '*.scope'}}]")).toEqual({
    value: [{ action: "deny", conditions: [["unit", ["*.scope"]]] }],
  });
  expect(key.ofText('[{"allow":{"user":"me"}}]')).toEqual({
    value: [{ action: "allow", conditions: [["user", ["me"]]] }],
  });
  expect(key.ofText("[{")).toMatchObject({ problem: expect.stringContaining("a list of rules") });
});

test.each([
  ["deny", "expects a list of rules such as {deny: {executable: sshd}}, got the text"],
  ["{deny: {user: a}}", "got a mapping"],
  ["[deny]", "rule 1 expects one of allow and deny"],
  ["[{deny: {user: a}, allow: {user: b}}]", "rule 1 expects one of allow and deny"],
  [
    "[{deny: {user: a}}, {denny: {user: a}}]",
    "rule 2 has the unknown action denny, did you mean deny?",
  ],
  [
    "[{deny: {executabel: a}}]",
    "rule 1 has the unknown condition executabel, did you mean executable?",
  ],
  ["[{deny: {pid: 7}}]", "known are executable, arguments, user, cgroup, unit, container"],
  ["[{deny: {}}]", "rule 1 expects a mapping with some of"],
  ["[{deny: null}]", "rule 1 expects a mapping with some of"],
  ["[{deny: {user: ''}}]", "expects a text or a list of texts for user"],
  ["[{deny: {user: []}}]", "expects a text or a list of texts for user, got a list"],
  ["[{deny: {user: 1.5}}]", "expects a text or a list of texts, in quotes, for user"],
  ["[{deny: {container: 012345678901}}]", "a list of texts, in quotes, for container"],
  ["[{deny: {container: [a, 12345678e901]}}]", "a list of texts, in quotes, for container"],
  ["[{deny: {user: {a: b}}}]", "expects a text or a list of texts for user, got a mapping"],
])("%s is refused", (text, problem) => {
  expect(key.ofText(text)).toMatchObject({ problem: expect.stringContaining(problem) });
});

test("the nearest key is named for a misspelt section", () => {
  const problems: string[] = [];
  yamlLayer("olly.yaml", "hook: {process: {default: deny}}", problems);
  expect(problems.join()).toContain("hook.process: unknown key, did you mean processes?");
});
