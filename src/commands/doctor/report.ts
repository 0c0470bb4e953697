/** The findings of all checks, for a person and for a program. */
import { printable } from "../../lib/printable.ts";
import { blindSpots, blindSpotText } from "../../model/visibility.ts";
import type { Check, CheckResult, Section } from "./check.ts";
import { findingLines } from "./checks/processes.ts";
import type { DoctorFacts } from "./facts.ts";

export interface Finding extends CheckResult {
  readonly check: string;
  readonly section: Section;
}

export function runChecks(checks: readonly Check[], facts: DoctorFacts): Finding[] {
  return checks.flatMap(({ name, section, run }) =>
    run(facts).map((result) => ({ check: name, section, ...result })),
  );
}

/** Nothing is wrong: what could not be found out is no fault. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ level }) => level !== "wrong");
}

const LEVEL_WIDTH = 9;

export function renderFindings(findings: readonly Finding[]): string {
  const lines: string[] = [];
  let section: Section | undefined;
  for (const finding of findings) {
    if (finding.section !== section) {
      section = finding.section;
      if (lines.length > 0) lines.push("");
      lines.push(section);
    }
    const fix = finding.fix === undefined ? "" : `. Fix: ${finding.fix}`;
    lines.push(`  ${finding.level.padEnd(LEVEL_WIDTH)}${printable(finding.text + fix)}`);
    const indent = " ".repeat(LEVEL_WIDTH + 4);
    lines.push(...findingLines(finding).map((line) => indent + printable(line)));
  }
  const wrong = findings.filter(({ level }) => level === "wrong").length;
  const sum = wrong === 0 ? "nothing is wrong" : `${wrong} wrong`;
  return `${lines.join("\n")}\n\n${sum}\n`;
}

export function findingsAsJson(findings: readonly Finding[]): string {
  const shown = findings.map(({ process, ...finding }) => ({
    ...finding,
    ...(process === undefined ? {} : { process: withWords(process) }),
  }));
  return `${JSON.stringify({ ok: isHealthy(findings), findings: shown }, undefined, 2)}\n`;
}

function withWords(process: NonNullable<Finding["process"]>) {
  return {
    ...process,
    notVisible: process.notVisible.map((finding) => {
      const { kind, meaning, fix } = blindSpots[finding.spot];
      return { ...finding, kind, text: blindSpotText(finding), meaning, fix };
    }),
  };
}
