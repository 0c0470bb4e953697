/** What `olly doctor` says of one process, as tests read it. */
import { ollyBinary } from "./olly.ts";
import { run, text } from "./processes.ts";

export interface Told {
  readonly code: number;
  readonly level: string;
  readonly hooking: string;
  readonly because: string;
  readonly visibleTls: readonly string[];
  /** "Go", "TLS linked in (…)". */
  readonly notVisible: readonly string[];
  readonly fix: string | undefined;
}

/** `olly doctor --pid`, of the agent in a directory. */
export async function askDoctor(pid: number, socketDirectory: string): Promise<Told> {
  const command = [ollyBinary, "doctor", "--json", "--socket-dir", socketDirectory];
  const ended = await run([...command, "--pid", `${pid}`]);
  const { findings } = JSON.parse(text(ended.stdout));
  const { level, fix, process } = findings.find(
    (finding: { check: string }) => finding.check === "process",
  );
  const notVisible = process.notVisible.map((finding: { text: string }) => finding.text);
  return { ...process, code: ended.code, level, fix, notVisible };
}
