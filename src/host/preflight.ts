/**
 * Whether programs run the same with a preload library as without it, tried before it is put where
 * every program loads it. Invariant: a difference in exit code, signal, stdout or stderr of any
 * trial is named; a trial whose program is not on this host is said to be absent.
 */
import { existsSync, realpathSync } from "node:fs";
import { constants } from "node:os";
import { baseName } from "./runtime.ts";

export interface Trial {
  /** The first of these that exists; a name without a slash is looked up in PATH. */
  readonly programs: readonly string[];
  readonly args: readonly string[];
  readonly stdin?: string;
}

export interface TrialResult {
  /** The command as a person would type it. */
  readonly command: string;
  readonly outcome: "same" | "absent" | "differs";
  /** What differs, in one line. */
  readonly difference: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface PreflightOptions {
  readonly libraryPath: string;
  readonly environment: Environment;
  /** What the library needs to find its agent. */
  readonly hooks: Readonly<Record<string, string>>;
}

const TRIAL_MS_MAX = 10_000;
const SHOWN_CHARACTERS_MAX = 200;

const interpreted = 'import socket,subprocess,threading;print(subprocess.getoutput("echo ok"))';

/** Short programs of every kind that a host has, none of which changes anything. */
export const preflightTrials: readonly Trial[] = [
  { programs: ["ls"], args: ["/"] },
  { programs: ["sh"], args: ["-c", "echo out; echo err >&2; exit 7"] },
  { programs: ["cat"], args: [], stdin: "text\n" },
  { programs: ["env"], args: [] },
  { programs: ["python3"], args: ["-c", interpreted] },
  { programs: ["perl"], args: ["-e", 'print "out\\n"; exit 3'] },
  { programs: ["curl"], args: ["--version"] },
  { programs: ["systemctl"], args: ["--version"] },
  // Statically linked on most hosts.
  { programs: ["/sbin/ldconfig", "busybox"], args: ["--help"] },
  // Set-user-id.
  { programs: ["/bin/mount", "/bin/su"], args: ["--version"] },
  // A 32-bit program, where there are any: the C library itself prints its version.
  {
    programs: [
      "/lib/i386-linux-gnu/libc.so.6",
      "/lib32/libc.so.6",
      "/lib/arm-linux-gnueabihf/libc.so.6",
    ],
    args: [],
  },
];

/** Runs every trial bare and preloaded, one after the other. */
export async function preflight(options: PreflightOptions): Promise<TrialResult[]> {
  const results: TrialResult[] = [await loadedTrial(options)];
  for (const trial of preflightTrials) results.push(await tried(trial, options));
  return results;
}

/** A library that is silently passed over would make every comparison succeed. */
async function loadedTrial(options: PreflightOptions): Promise<TrialResult> {
  const command = "cat /proc/self/maps";
  const hooked = await outcomeOf(["cat", "/proc/self/maps"], undefined, preloaded(options));
  if (hooked.stdout.includes(`/${fileNameOf(options.libraryPath)}\n`)) {
    return { command, outcome: "same", difference: undefined };
  }
  const reason = hooked.stderr === "" ? endOf(hooked) : quoted(hooked.stderr);
  return { command, outcome: "differs", difference: `the library is not loaded: ${reason}` };
}

/** The mapped file's name; a path with $PLATFORM in it leads to one of the same name. */
function fileNameOf(path: string): string {
  return baseName(existsSync(path) ? realpathSync(path) : path);
}

async function tried(trial: Trial, options: PreflightOptions): Promise<TrialResult> {
  const found = trial.programs.find((one) => isHere(one, options.environment));
  const program = found ?? trial.programs[0] ?? "";
  const command = [program, ...trial.args].join(" ");
  if (found === undefined) return { command, outcome: "absent", difference: undefined };
  const words = [program, ...trial.args];
  const bare = await outcomeOf(words, trial.stdin, options.environment);
  const hooked = await outcomeOf(words, trial.stdin, preloaded(options));
  const difference = differenceOf(bare, hooked);
  return { command, outcome: difference === undefined ? "same" : "differs", difference };
}

/** A file that may not be executed is no program. */
function isHere(program: string, environment: Environment): boolean {
  return Bun.which(program, { PATH: environment["PATH"] ?? "" }) !== null;
}

function preloaded({ libraryPath, environment, hooks }: PreflightOptions): Environment {
  const others = environment["LD_PRELOAD"];
  const list = others === undefined || others === "" ? libraryPath : `${others}:${libraryPath}`;
  return { ...environment, ...hooks, LD_PRELOAD: list };
}

interface Outcome {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly late: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

async function outcomeOf(
  command: readonly string[],
  stdin: string | undefined,
  environment: Environment,
): Promise<Outcome> {
  const child = Bun.spawn([...command], {
    env: { ...environment },
    stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
    // A group of its own: what it has started holds its pipes open, and ends with it.
    detached: true,
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killGroup(child.pid);
  }, TRIAL_MS_MAX);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  const signal = child.signalCode === null ? undefined : String(child.signalCode);
  const code = signal === undefined ? (child.exitCode ?? undefined) : undefined;
  return { code, signal, late, stdout: withoutHooks(stdout), stderr };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Its last process has just ended.
  }
}

/** What `env` shows of the hooking itself. */
function withoutHooks(text: string): string {
  return text.replace(/^(?:LD_PRELOAD|OLLY_SOCKET|OLLY_CONTROL)=.*\n/gm, "");
}

function differenceOf(bare: Outcome, hooked: Outcome): string | undefined {
  const [before, after] = [endOf(bare), endOf(hooked)];
  if (before !== after) {
    const said = hooked.stderr === "" ? "" : `, stderr ${quoted(hooked.stderr)}`;
    return `${after} instead of ${before}${said}`;
  }
  for (const stream of ["stdout", "stderr"] as const) {
    if (bare[stream] !== hooked[stream]) {
      return `${stream} is ${quoted(hooked[stream])} instead of ${quoted(bare[stream])}`;
    }
  }
  return undefined;
}

function endOf({ code, signal, late }: Outcome): string {
  if (late) return `not ended within ${TRIAL_MS_MAX / 1_000} s`;
  if (signal === undefined) return `exit code ${code ?? "unknown"}`;
  return `ended by ${signal} (${constants.signals[signal as NodeJS.Signals] ?? "unknown"})`;
}

function quoted(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS_MAX;
  return JSON.stringify(cut ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text);
}
