/** Which processes are traced, as the configuration says it. */

export const ruleSubjects = [
  "executable",
  "arguments",
  "user",
  "cgroup",
  "unit",
  "container",
] as const;
export type RuleSubject = (typeof ruleSubjects)[number];

export const ruleActions = ["allow", "deny"] as const;
export type RuleAction = (typeof ruleActions)[number];

export interface ProcessRule {
  readonly action: RuleAction;
  /** All of them have to hold, each by one of its patterns. */
  readonly conditions: readonly (readonly [
    subject: RuleSubject,
    patterns: readonly [string, ...string[]],
  ])[];
}

export interface ProcessRules {
  /** The first rule that matches a process decides. */
  readonly rules: readonly ProcessRule[];
  /** For a process that no rule matches. */
  readonly otherwise: RuleAction;
}
