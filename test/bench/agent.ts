/**
 * The whole agent under load: a process writes HTTP exchanges of 1 KB into a real ring, dist/olly
 * exports a span of each by OTLP/gRPC to a collector in another process. CPU time is the kernel's
 * account of the agent's process, all its threads included, so the figures hold on a machine that
 * does other things, too. Prints `name value unit` lines.
 *
 * usage: bun test/bench/agent.ts [EXECUTABLE]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { LineProcess } from "./line-process.ts";

const root = resolve(import.meta.dir, "../..");
const executable = resolve(process.argv[2] ?? join(root, "dist/olly"));
const RING_DATA_BYTES = 4 * 1024 * 1024;
const ALL_SEALS = 7;
const CONNECTIONS = 64;
/** The compiler of hot functions works in the first seconds; the figures are of a running agent. */
const WARM_UP_SECONDS = 4;
const THROUGHPUT_PER_SECOND = 80_000;
const THROUGHPUT_SECONDS = 5;
const STEADY_PER_SECOND = 20_000;
const STEADY_SECONDS = 8;
const IDLE_SECONDS = 5;
/** Until an agent has started, collected what that left, and come to rest. */
const REST_SECONDS = 3;
const TICKS_PER_SECOND = 100;
const START_MS_MAX = 10_000;
const QUIET_MS_MAX = 2_000;

interface Bench {
  readonly agent: Bun.Subprocess;
  readonly writer: LineProcess;
  readonly sink: LineProcess;
  readonly directory: string;
}

function print(name: string, value: number, unit: string, digits = 1): void {
  process.stdout.write(`${name} ${value.toFixed(digits)} ${unit}\n`);
}

/** Seconds of CPU that a process has used, user and system. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function residentMegabytes(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
}

async function spansAt(sink: LineProcess): Promise<number> {
  return Number(await sink.ask("?"));
}

/** Waits until the collector has so many spans, or gets no more; gives what it had in the end. */
async function delivered(sink: LineProcess, expected: number): Promise<number> {
  let deadline = performance.now() + QUIET_MS_MAX;
  let spans = await spansAt(sink);
  while (spans < expected && performance.now() < deadline) {
    await Bun.sleep(20);
    const before = spans;
    spans = await spansAt(sink);
    if (spans > before) deadline = performance.now() + QUIET_MS_MAX;
  }
  return spans;
}

async function start(): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), "olly-bench-"));
  const binary = join(directory, "ring-writer");
  const source = join(root, "test/harness/ring-writer.c");
  const compiled = Bun.spawnSync([process.env["CC"] ?? "cc", "-O2", "-o", binary, source]);
  if (compiled.exitCode !== 0) throw new Error(compiled.stderr.toString());
  const sink = new LineProcess([process.execPath, join(import.meta.dir, "otlp-sink.ts")]);
  const endpoint = await sink.next();
  const socket = join(directory, "hook.sock");
  const configuration = join(directory, "olly.yaml");
  writeFileSync(
    configuration,
    `hook:\n  socket_path: ${socket}\nexporters:\n  otlp:\n    endpoint: ${endpoint}\n`,
  );
  const profile = process.env["OLLY_BENCH_PROFILE"];
  const command =
    profile === undefined
      ? [executable]
      : [process.execPath, "--cpu-prof", `--cpu-prof-dir=${profile}`, join(root, "src/main.ts")];
  const agent = Bun.spawn([...command, "agent", "--config", configuration], {
    stdout: "inherit",
    stderr: "inherit",
  });
  const status = join(directory, "status.sock");
  const deadline = performance.now() + START_MS_MAX;
  while (!(await answers(status))) {
    if (performance.now() > deadline) throw new Error("the agent does not answer");
    await Bun.sleep(20);
  }
  const writer = new LineProcess([binary]);
  await writer.next();
  return { agent, writer, sink, directory };
}

async function answers(status: string): Promise<boolean> {
  try {
    return (await fetch("http://olly/status", { unix: status })).ok;
  } catch {
    return false;
  }
}

async function idle(bench: Bench, name: string): Promise<void> {
  const before = cpuSeconds(bench.agent.pid);
  await Bun.sleep(IDLE_SECONDS * 1_000);
  const used = cpuSeconds(bench.agent.pid) - before;
  print(`agent_cpu_${name}`, (100 * used) / IDLE_SECONDS, "%");
  print(`agent_rss_${name}`, residentMegabytes(bench.agent.pid, "VmRSS"), "MB");
}

/** Exchanges at a rate that one core has to bear, until what was captured has arrived. */
async function throughput(bench: Bench): Promise<void> {
  const { agent, writer, sink } = bench;
  const count = THROUGHPUT_PER_SECOND * THROUGHPUT_SECONDS;
  const before = await spansAt(sink);
  const cpuBefore = cpuSeconds(agent.pid);
  const started = performance.now();
  await writer.ask(`exchanges ${count} ${THROUGHPUT_PER_SECOND} ${CONNECTIONS}`);
  const seconds = (performance.now() - started) / 1_000;
  const spans = (await delivered(sink, before + count)) - before;
  const cpu = cpuSeconds(agent.pid) - cpuBefore;
  print("agent_exchanges_per_second", spans / seconds, "1/s", 0);
  print("agent_exchanges_per_core_second", spans / cpu, "1/s", 0);
  print("agent_cpu_per_span", (cpu / spans) * 1e6, "us", 2);
  print("agent_spans_missing", count - spans, "spans", 0);
  print("agent_rss_peak", residentMegabytes(agent.pid, "VmHWM"), "MB");
}

async function steady(bench: Bench): Promise<void> {
  const { agent, writer, sink } = bench;
  const warmUp = STEADY_PER_SECOND * WARM_UP_SECONDS;
  await writer.ask(`exchanges ${warmUp} ${STEADY_PER_SECOND} ${CONNECTIONS}`);
  const before = await delivered(sink, warmUp);
  const cpuBefore = cpuSeconds(agent.pid);
  const count = STEADY_PER_SECOND * STEADY_SECONDS;
  let most = 0;
  const sampler = setInterval(() => {
    most = Math.max(most, residentMegabytes(agent.pid, "VmRSS"));
  }, 100);
  await writer.ask(`exchanges ${count} ${STEADY_PER_SECOND} ${CONNECTIONS}`);
  clearInterval(sampler);
  const cpu = cpuSeconds(agent.pid) - cpuBefore;
  const spans = (await delivered(sink, before + count)) - before;
  print("agent_cpu_at_20000_per_second", (100 * cpu) / STEADY_SECONDS, "%");
  print("agent_cpu_per_span_at_20000_per_second", (cpu / spans) * 1e6, "us", 2);
  print("agent_rss_at_20000_per_second", most, "MB");
  print("agent_spans_missing_at_20000_per_second", count - spans, "spans", 0);
}

const bench = await start();
try {
  await Bun.sleep(REST_SECONDS * 1_000);
  await idle(bench, "idle");
  const socket = join(bench.directory, "hook.sock");
  await bench.writer.ask(`hello ${socket} ${RING_DATA_BYTES} ${ALL_SEALS} exe /bin/bench`);
  await steady(bench);
  await throughput(bench);
  await idle(bench, "idle_afterwards");
} finally {
  bench.agent.kill();
  await bench.agent.exited;
  await bench.writer.end();
  await bench.sink.end();
  rmSync(bench.directory, { recursive: true, force: true });
}
