/**
 * What /proc says of a process: whether it is still the same one, and what it is when it did not
 * introduce itself. Invariant: a process that cannot be looked at is told apart from one that has
 * ended.
 */
import { readFileSync, readlinkSync } from "node:fs";
import type { ProcessHello } from "../model/process-hello.ts";

const ARGS_MAX = 8;
const ARG_CHARACTERS_MAX = 256;
const ENVIRONMENT_NAMES: ReadonlySet<string> = new Set([
  "OTEL_SERVICE_NAME",
  "OTEL_RESOURCE_ATTRIBUTES",
]);

/** Fields of /proc/<pid>/stat counted from the one behind the name (proc(5): state is 3). */
const STATE = 0;
const THREADS = 17;
const START_TIME = 19;

/**
 * Start time of a living process in clock ticks since boot; undefined when there is none of that
 * pid; "hidden" when it lives but /proc does not show it (hidepid).
 */
export function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return livesUnseen(pid) ? "hidden" : undefined;
  }
  // The name is in parentheses and may hold anything, parentheses included.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie has ended, but for one whose first thread alone has.
  if (fields[STATE] === "X") return undefined;
  if (fields[STATE] === "Z" && Number(fields[THREADS]) <= 1) return undefined;
  return fields[START_TIME];
}

function livesUnseen(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The hello of a sender that has none; empty where the process has ended or is not ours to see. */
export function helloOf(pid: number): ProcessHello {
  return {
    executable: executableOf(pid),
    args: stringsOf(pid, "cmdline")
      .slice(0, ARGS_MAX)
      .map((text) => text.slice(0, ARG_CHARACTERS_MAX)),
    environment: environmentOf(pid),
  };
}

function executableOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "";
  }
}

function environmentOf(pid: number): ReadonlyMap<string, string> {
  const environment = new Map<string, string>();
  for (const entry of stringsOf(pid, "environ")) {
    const equals = entry.indexOf("=");
    const name = entry.slice(0, equals);
    if (ENVIRONMENT_NAMES.has(name)) environment.set(name, entry.slice(equals + 1));
  }
  return environment;
}

function stringsOf(pid: number, file: "cmdline" | "environ"): string[] {
  try {
    const strings = readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
    if (strings.at(-1) === "") strings.pop();
    return strings;
  } catch {
    return [];
  }
}
