/** hook.processes.rules. Invariant: an unknown word is refused with the nearest known one. */
import { parse } from "yaml";
import { suggestion } from "../lib/nearest.ts";
import {
  type ProcessRule,
  type RuleAction,
  type RuleSubject,
  ruleActions,
  ruleSubjects,
} from "../model/process-rule.ts";
import { type Key, type Parsed, shown } from "./key.ts";

const EXPECTS = "a list of rules such as {deny: {executable: sshd}}";
const RULES_MAX = 1_000;

type Conditions = ProcessRule["conditions"];

/** In a variable the list is written as YAML or JSON on one line. */
export function processRules(meaning: string): Key<readonly ProcessRule[]> {
  return {
    meaning,
    expects: EXPECTS,
    initial: [],
    environment: [],
    secret: false,
    ofYaml: rulesOf,
    ofText: (text) => {
      try {
        return rulesOf(parse(text));
      } catch {
        return { problem: `expects ${EXPECTS}, got ${shown(text)}` };
      }
    },
  };
}

function rulesOf(value: unknown): Parsed<readonly ProcessRule[]> {
  if (!Array.isArray(value)) return { problem: `expects ${EXPECTS}, got ${shown(value)}` };
  if (value.length > RULES_MAX) return { problem: `has more than ${RULES_MAX} rules` };
  const rules: ProcessRule[] = [];
  for (const [index, written] of value.entries()) {
    const parsed = ruleOf(written);
    if ("problem" in parsed) return { problem: `rule ${index + 1} ${parsed.problem}` };
    rules.push(parsed.value);
  }
  return { value: rules };
}

function ruleOf(written: unknown): Parsed<ProcessRule> {
  const words = isMapping(written) ? Object.keys(written) : [];
  const [word] = words;
  if (!isMapping(written) || word === undefined || words.length !== 1) {
    return { problem: "expects one of allow and deny with its conditions" };
  }
  const action = ruleActions.find((one): one is RuleAction => one === word);
  if (action === undefined) {
    return { problem: `has the unknown action ${word}${suggestion(word, [...ruleActions])}` };
  }
  const conditions = conditionsOf(written[word]);
  return "problem" in conditions ? conditions : { value: { action, conditions: conditions.value } };
}

function conditionsOf(written: unknown): Parsed<Conditions> {
  if (!isMapping(written) || Object.keys(written).length === 0) {
    return { problem: `expects a mapping with some of ${ruleSubjects.join(", ")}` };
  }
  const conditions: Conditions[number][] = [];
  for (const [name, value] of Object.entries(written)) {
    const subject = ruleSubjects.find((one): one is RuleSubject => one === name);
    if (subject === undefined) {
      return { problem: `has the unknown condition ${name}${suggestion(name, [...ruleSubjects])}` };
    }
    const patterns = patternsOf(value, subject);
    if (patterns === undefined) {
      const quoted = listOf(value).some((one) => typeof one === "number") ? ", in quotes," : "";
      const problem = `expects a text or a list of texts${quoted} for ${name}, got ${shown(value)}`;
      return { problem };
    }
    conditions.push([subject, patterns]);
  }
  return { value: conditions };
}

/**
 * A uid is written as a number. Everything else that YAML takes for one is no longer what was
 * written: of a container 012345678901 the zero is lost, 12345678e901 is infinite.
 */
function patternsOf(
  value: unknown,
  subject: RuleSubject,
): readonly [string, ...string[]] | undefined {
  const patterns: string[] = [];
  for (const one of listOf(value)) {
    const text: unknown = subject === "user" && Number.isInteger(one) ? String(one) : one;
    if (typeof text !== "string" || text === "") return undefined;
    patterns.push(text);
  }
  const [first, ...rest] = patterns;
  return first === undefined ? undefined : [first, ...rest];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
