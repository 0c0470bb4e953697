/** The intake against real time: processes that write flat out, agents that are killed. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeLibrary, monotonicClock, wire } from "../../test/harness/fake-library.ts";
import { limits } from "../limits.ts";
import type { HookMessage } from "../model/message.ts";
import { Drops } from "../self/drops.ts";
import { ControlPage } from "./control-page.ts";
import { Intake, type IntakeSource } from "./intake.ts";

const settings = {
  onDemand: false,
  captureBytesMax: 4096,
  logCapture: true,
  children: "inherit",
} as const;
const HARNESS = join(import.meta.dir, "../../test/harness/fake-library.ts");

let directory: string;
let socket: string;
let drops: Drops;
let logged: string[];
let libraries: FakeLibrary[];
let intake: Intake | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "olly-intake-"));
  socket = join(directory, "hook.sock");
  drops = new Drops();
  logged = [];
  libraries = [];
  intake = undefined;
});

afterEach(async () => {
  for (const library of libraries) await library.kill();
  await intake?.stop();
  expect(logged).toEqual([]);
  rmSync(directory, { recursive: true, force: true });
});

async function listen(
  onMessage: (source: IntakeSource, message: HookMessage) => void,
): Promise<Intake> {
  const log = (line: string) => logged.push(line);
  intake = new Intake({
    socketPath: socket,
    clock: monotonicClock,
    drops,
    wire,
    log: { warn: log, error: log },
    events: { processStarted: () => {}, message: onMessage, processEnded: () => {} },
  });
  await intake.start();
  return intake;
}

async function library(): Promise<FakeLibrary> {
  const started = await FakeLibrary.start();
  libraries.push(started);
  return started;
}

test("flat out from two processes: everything arrives, in order, none lost", async () => {
  const count = 40_000;
  const next = new Map<number, number>();
  let last = 0;
  let backwards = 0;
  let wrong = 0;
  const listening = await listen((source, message) => {
    if (message.timeNs < last) backwards++;
    last = message.timeNs;
    if (message.fd !== (next.get(source.id) ?? 0)) wrong++;
    if (message.payload.length !== 256 || message.payload[255] !== 120) wrong++;
    next.set(source.id, message.fd + 1);
  });
  const pair = [await library(), await library()];
  for (const one of pair) await one.hello(socket, limits.ringDataBytes);
  let busy = true;
  const bursts = Promise.all(pair.map((one) => one.send("burst", count, 256))).then(() => {
    busy = false;
  });
  while (busy) {
    listening.poll();
    await Bun.sleep(1);
  }
  await bursts;
  listening.poll(true);
  expect([...next.values()]).toEqual([count, count]);
  expect(wrong).toBe(0);
  // A writer may be put off the processor between taking the time and reserving its record.
  expect(backwards).toBeLessThan(count / 100);
  expect(drops.entries()).toEqual([]);
}, 300_000);

/** An agent in a process of its own. */
function agentScript(): string {
  const module = (path: string) => JSON.stringify(join(import.meta.dir, path));
  return `
    import { ControlPage } from ${module("control-page.ts")};
    import { Intake } from ${module("intake.ts")};
    import { Drops } from ${module("../self/drops.ts")};
    import { monotonicClock, wire } from ${JSON.stringify(HARNESS)};
    const intake = new Intake({
      socketPath: ${JSON.stringify(socket)},
      clock: monotonicClock, drops: new Drops(), wire,
      log: { warn: console.log, error: console.log },
      events: { processStarted: () => console.log("started"), message() {}, processEnded() {} },
    });
    await intake.start();
    const control = ControlPage.create(${JSON.stringify(join(directory, "control"))});
    control.start(${JSON.stringify(settings)});
    console.log("listening");
    setInterval(() => intake.poll(), 5);`;
}

test("an agent is killed, another follows: same control page, processes come again", async () => {
  const script = agentScript();
  const agent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const output = agent.stdout.getReader();
  const read = async () => new TextDecoder().decode((await output.read()).value);
  expect(await read()).toBe("listening\n");
  const one = await library();
  await one.hello(socket, 65_536, "exe", "/bin/a");
  expect(await read()).toBe("started\n");
  agent.kill("SIGKILL");
  await agent.exited;
  const path = join(directory, "control");
  const { ino } = statSync(path);

  const story: string[] = [];
  const next = await listen((source, message) => {
    story.push(`${source.pid} ${Buffer.from(message.payload).toString()}`);
  });
  const control = ControlPage.create(path);
  control.start(settings);
  expect(statSync(path).ino).toBe(ino);
  expect(control.read()).toMatchObject({ active: true, agentEpoch: 2, activation: 2 });
  control.close();
  await one.hello(socket, 65_536, "exe", "/bin/a");
  await one.send("put", 2, 5, 10, "again");
  next.poll(true);
  expect(story).toEqual([`${one.pid} again`]);
});
