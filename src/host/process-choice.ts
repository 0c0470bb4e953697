/**
 * Which processes are traced, by the configuration's rules. Invariant: a process of which a rule's
 * fact cannot be known (it has ended) is left alone by a `deny` and not let in by an `allow`.
 */
import { isGlob, matchesGlob } from "../lib/glob.ts";
import type { ProcessHello } from "../model/process-hello.ts";
import type { ProcessRule, ProcessRules, RuleSubject } from "../model/process-rule.ts";
import { Counters } from "../self/counters.ts";
import { containerIdOf, isLocalUser, userOf } from "./process-facts.ts";
import { type HostFiles, systemFiles } from "./process-files.ts";
import { baseName } from "./runtime.ts";

export interface JudgedProcess {
  readonly pid: number;
  /** From the kernel's credentials. */
  readonly uid: number;
  readonly hello: ProcessHello;
}

export class ProcessChoice {
  readonly #rules: ProcessRules;
  readonly #files: HostFiles;
  readonly #leftAlone = new Counters();

  constructor(rules: ProcessRules, files: HostFiles = systemFiles) {
    this.#rules = rules;
    this.#files = files;
  }

  /** Whether the process is traced; one that is not is counted. */
  wants(judged: JudgedProcess): boolean {
    const facts = new Facts(judged, this.#files);
    const rule = this.#rules.rules.find((one) => matches(one, facts));
    const action = rule?.action ?? this.#rules.otherwise;
    if (action === "allow") return true;
    this.#leftAlone.count(rule === undefined ? "default deny" : nameOf(rule));
    return false;
  }

  /** How many processes were left alone, by rule. */
  leftAlone(): Record<string, number> {
    return this.#leftAlone.toRecord();
  }
}

/** A rule as it is shown, `deny executable=sshd`. */
function nameOf(rule: ProcessRule): string {
  const conditions = rule.conditions.map(
    ([subject, patterns]) => `${subject}=${patterns.join("|")}`,
  );
  return [rule.action, ...conditions].join(" ");
}

function matches(rule: ProcessRule, facts: Facts): boolean {
  let unknown = false;
  for (const [subject, patterns] of rule.conditions) {
    const values = facts.of(subject);
    if (values === undefined) unknown = true;
    else if (!patterns.some((one) => values.some((value) => fits(subject, one, value)))) {
      if (subject !== "user" || !facts.mayBeUser(patterns)) return false;
      unknown = true;
    }
  }
  return !unknown || rule.action === "deny";
}

const CONTAINER_PREFIX = /^[0-9a-f]{12,63}$/;

function fits(subject: RuleSubject, pattern: string, value: string): boolean {
  switch (subject) {
    case "executable":
      return matchesGlob(pattern, pattern.includes("/") ? value : baseName(value));
    case "arguments":
      return isGlob(pattern) ? matchesGlob(pattern, value) : value.includes(pattern);
    case "container":
      return CONTAINER_PREFIX.test(pattern)
        ? value.startsWith(pattern)
        : matchesGlob(pattern, value);
    case "user":
    case "cgroup":
    case "unit":
      return matchesGlob(pattern, value);
  }
}

/** What rules ask of one process, each looked up when it is asked for. Undefined: not known. */
class Facts {
  readonly #judged: JudgedProcess;
  readonly #files: HostFiles;
  readonly #known = new Map<RuleSubject, readonly string[] | undefined>();

  constructor(judged: JudgedProcess, files: HostFiles) {
    this.#judged = judged;
    this.#files = files;
  }

  of(subject: RuleSubject): readonly string[] | undefined {
    if (!this.#known.has(subject)) this.#known.set(subject, this.#lookUp(subject));
    return this.#known.get(subject);
  }

  /** Whether the process's user may bear one of the names, though /etc/passwd has no such line. */
  mayBeUser(names: readonly string[]): boolean {
    const isNameless = this.of("user")?.length === 1;
    return (
      isNameless && names.some((name) => !/^\d+$/.test(name) && !isLocalUser(name, this.#files))
    );
  }

  #lookUp(subject: RuleSubject): readonly string[] | undefined {
    switch (subject) {
      case "executable":
        return this.#executable();
      case "arguments":
        return this.#commandLine();
      case "user":
        return this.#users();
      case "cgroup":
        return this.#cgroups();
      case "unit":
        return this.#cgroups()?.flatMap((path) => unitOf(path) ?? []);
      case "container":
        return this.#cgroups()?.flatMap((path) => containersOf(path));
    }
  }

  /** The hello comes first: by now the pid may run another program than the one that spoke. */
  #executable(): readonly string[] | undefined {
    const { pid, hello } = this.#judged;
    const path = hello.executable || this.#files.link(`/proc/${pid}/exe`);
    return path === undefined ? undefined : [path.replace(/ \(deleted\)$/, "")];
  }

  /** The hello holds the beginning; all of it is in /proc, as long as the same program runs. */
  #commandLine(): readonly string[] | undefined {
    const { pid, hello } = this.#judged;
    const said = hello.args.join(" ");
    const whole = this.#files.text(`/proc/${pid}/cmdline`)?.replace(/\0+$/, "").split("\0");
    const [name = ""] = hello.args;
    const isSame = whole?.[0]?.startsWith(name) === true && whole.length >= hello.args.length;
    if (isSame) return [whole.join(" ")];
    return said === "" ? undefined : [said];
  }

  #users(): readonly string[] {
    const { uid, name } = userOf(this.#judged.pid, this.#judged.uid, this.#files);
    return name === undefined ? [uid] : [uid, name];
  }

  #cgroups(): readonly string[] | undefined {
    const text = this.#files.text(`/proc/${this.#judged.pid}/cgroup`);
    if (text === undefined || text === "") return undefined;
    return text.split("\n").flatMap((line) => {
      const path = line.replace(/^\d+:[^:]*:/, "");
      return path.startsWith("/") ? [path] : [];
    });
  }
}

/** The innermost unit: user managers have units of their own below theirs. */
function unitOf(cgroup: string): string | undefined {
  return cgroup.split("/").findLast((part) => /\.(?:service|scope)$/.test(part));
}

function containersOf(cgroup: string): string[] {
  return cgroup.split("/").flatMap((part) => containerIdOf(part) ?? []);
}
