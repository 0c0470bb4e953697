/** What olly sees and does not see of each process. */
import { blindSpots, blindSpotText, decisions, isGap } from "../../../model/visibility.ts";
import type { Check, CheckResult, Level } from "../check.ts";
import type { DoctorFacts, ProcessFacts } from "../facts.ts";

export const processes: Check = {
  name: "process",
  section: "processes",
  run: (facts) => [...facts.processes.looked.map(resultOf), ...leftOut(facts)],
};

const words = {
  hooked: "hooked",
  elsewhere: "hooked",
  dormant: "hooked, dormant",
  left_alone: "library loaded, left alone",
  not_hooked: "not hooked",
  unknown: "not known whether hooked",
} as const;

function resultOf(process: ProcessFacts): CheckResult {
  const { look, visibility } = process;
  const { hooking, because, findings, visibleTls } = visibility;
  const state =
    process.otherAgent === undefined ? because : `by the agent in ${process.otherAgent}`;
  const parts = [state === "" ? words[hooking] : `${words[hooking]} (${state})`];
  if (visibleTls.length > 0 && hooking !== "not_hooked") {
    parts.push(`TLS of ${visibleTls.join(", ")} is visible`);
  }
  const gaps = findings.filter(isGap);
  if (hooking === "hooked" && gaps.length === 0) parts.push("everything is visible");
  const fix = fixOf(process);
  return {
    level: levelOf(process),
    text: `${look.pid} ${look.name}: ${parts.join(", ")}`,
    ...(fix === undefined ? {} : { fix }),
    process: {
      ...{ pid: look.pid, name: look.name, executable: look.executable },
      ...{ hooking, because, visibleTls, notVisible: findings },
    },
  };
}

/** A process that somebody wants to see has to be visible; of the others it is only said. */
function levelOf({ look, visibility, asked, otherAgent }: ProcessFacts): Level {
  const { hooking, findings } = visibility;
  const isWanted = asked || hooking !== "not_hooked" || (look.environment?.ownLibrary ?? "") !== "";
  const kinds = findings.map(({ spot }) => blindSpots[spot].kind);
  const isBlind = kinds.includes("whole") || kinds.includes("part");
  if (hooking === "unknown") return asked ? "wrong" : "unknown";
  if (!isWanted) return "note";
  if (isBlind || hooking === "not_hooked") return "wrong";
  if (hooking === "elsewhere" && otherAgent === undefined) return "wrong";
  if (hooking === "left_alone") return isForgotten(visibility, look) ? "wrong" : "note";
  if (kinds.includes("unknown")) return "unknown";
  return hooking === "dormant" ? "note" : "ok";
}

/** Its LD_PRELOAD asks for olly, nobody has decided against it, and yet the library is inert. */
function isForgotten(
  { hooking, because }: ProcessFacts["visibility"],
  { environment }: ProcessFacts["look"],
): boolean {
  const isDecided = because === decisions.disabled || because === decisions.rule;
  return hooking === "left_alone" && !isDecided && (environment?.ownLibrary ?? "") !== "";
}

function fixOf({ visibility, look, otherAgent }: ProcessFacts): string | undefined {
  const { hooking, because, findings } = visibility;
  const isImpossible = findings.some(({ spot }) => blindSpots[spot].kind === "whole");
  if (hooking === "not_hooked" && !isImpossible) return "restart it under olly: olly run -- CMD";
  if (hooking === "left_alone" && because === decisions.disabled) {
    return "restart it without OLLY_DISABLED";
  }
  if (isForgotten(visibility, look)) return "restart it under olly: olly run -- CMD";
  if (hooking === "elsewhere" && otherAgent === undefined) {
    const path = look.environment?.socketPath || "its OLLY_SOCKET";
    return `start an agent with hook.socket_path: ${path}`;
  }
  return hooking === "dormant" && look.tracing === false ? "olly trace start" : undefined;
}

function leftOut({ processes: { otherUsers, unconnected, cut } }: DoctorFacts): CheckResult[] {
  const results: CheckResult[] = [];
  if (otherUsers > 0) {
    const text = `${otherUsers} processes of other users were not looked at`;
    results.push({ level: "unknown", text, fix: "run olly doctor as root" });
  }
  if (unconnected > 0) {
    const text = `${unconnected} processes without a listening or connected socket are left out`;
    results.push({ level: "note", text, fix: "olly doctor --all" });
  }
  if (cut) {
    results.push({ level: "unknown", text: "there are more processes than olly looks at" });
  }
  return results;
}

/** "not visible: Go: …", a line for each finding of a process. */
export function findingLines({ process }: CheckResult): string[] {
  return (process?.notVisible ?? []).map((finding) => {
    const { kind, meaning, fix } = blindSpots[finding.spot];
    const label = { whole: "not visible", part: "not visible", unknown: "unknown", note: "note" };
    return `${label[kind]}: ${blindSpotText(finding)}: ${meaning}. Fix: ${fix}`;
  });
}
