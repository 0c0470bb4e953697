import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ALL_SEALS,
  FakeClock,
  FakeLibrary,
  ringWriterProgram,
  wire,
} from "../../test/harness/fake-library.ts";
import { limits } from "../limits.ts";
import type { Clock } from "../model/clock.ts";
import type { ProcessHello } from "../model/process-hello.ts";
import { Drops } from "../self/drops.ts";
import { ownUid } from "./hook-directory.ts";
import { Intake, type IntakeSource } from "./intake.ts";

const CONNECT = 1;
const DATA_OUT = 2;
const DATA_IN = 3;
const RING_BYTES = 65_536;
const IS_ROOT = ownUid() === 0;

let directory: string;
let socket: string;
let clock: FakeClock;
let drops: Drops;
/** What was told, a line each: "+pid", "pid:text", "-pid". */
let story: string[];
let hellos: ProcessHello[];
let sources: IntakeSource[];
let logged: string[];
let intake: Intake;
let libraries: FakeLibrary[];
let wakes: number;
/** What has to wait for another message. */
let early: string | undefined;
/** What may wait in the ring of a process that comes next, as it was told. */
let room: number[];

function createIntake(withClock: Clock): Intake {
  return new Intake({
    socketPath: socket,
    clock: withClock,
    drops,
    wire,
    log: { warn: (line) => logged.push(line), error: (line) => logged.push(line) },
    wake: () => wakes++,
    room: (waitingBytesMax) => room.push(waitingBytesMax),
    events: {
      processStarted: (source, hello) => {
        story.push(`+${source.pid}`);
        hellos.push(hello);
        sources.push(source);
      },
      message: (source, { payload }) => {
        story.push(`${source.pid}:${Buffer.from(payload).toString()}`);
      },
      isEarly: (_, { payload }) => early === Buffer.from(payload).toString(),
      processEnded: (source) => story.push(`-${source.pid}`),
    },
  });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "olly-intake-"));
  chmodSync(directory, 0o711);
  socket = join(directory, "hook.sock");
  clock = new FakeClock();
  drops = new Drops();
  story = [];
  hellos = [];
  sources = [];
  logged = [];
  libraries = [];
  wakes = 0;
  early = undefined;
  room = [];
  intake = createIntake(clock);
  await intake.start();
});

afterEach(async () => {
  for (const library of libraries) await library.kill();
  await intake.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function library(
  options: { prefix?: string[]; env?: Record<string, string> } = {},
): Promise<FakeLibrary> {
  const started = await FakeLibrary.start(options);
  libraries.push(started);
  return started;
}

/** A process with a ring, as the agent knows it. */
async function registered(...pairs: string[]): Promise<FakeLibrary> {
  const started = await library();
  expect(await started.hello(socket, RING_BYTES, ...pairs)).toBe("ok");
  return started;
}

async function put(from: FakeLibrary, timeNs: number, text: string): Promise<void> {
  expect(await from.send("put", DATA_OUT, 5, timeNs, text)).toBe("ok");
}

/** Waits until the agent has been woken by so many batches of datagrams. */
async function woken(times: number): Promise<void> {
  while (wakes < times) await Bun.sleep(1);
}

/** Messages of the story with pids replaced by letters in the order of appearance. */
function told(): string[] {
  const names = new Map<string, string>();
  return story.map((line) =>
    line.replace(/\d+/, (pid) => {
      if (!names.has(pid)) names.set(pid, String.fromCharCode(97 + names.size));
      return names.get(pid) ?? "";
    }),
  );
}

describe("one process", () => {
  test("hello, messages, end", async () => {
    const one = await registered("exe", "/bin/a", "arg", "a", "OTEL_SERVICE_NAME", "shop");
    await put(one, 10, "first");
    await put(one, 20, "second");
    await one.kill();
    expect(intake.poll(true)).toBe(2);
    expect(story).toEqual([`+${one.pid}`, `${one.pid}:first`, `${one.pid}:second`, `-${one.pid}`]);
    expect(hellos).toEqual([
      {
        executable: "/bin/a",
        args: ["a"],
        environment: new Map([["OTEL_SERVICE_NAME", "shop"]]),
      },
    ]);
    expect(sources[0]).toMatchObject({ id: 1, pid: one.pid, uid: ownUid() });
    expect(intake.sources()).toEqual([]);
    expect(drops.entries()).toEqual([]);
  });

  test("the ring's descriptor is not kept", async () => {
    intake.poll(true);
    const before = readdirSync("/proc/self/fd").length;
    const one = await registered();
    intake.poll(true);
    expect(intake.sources()).toHaveLength(1);
    const open = readdirSync("/proc/self/fd").length;
    await one.kill();
    // Only the pipes to the process itself came.
    expect(open - before).toBeLessThanOrEqual(3);
  });

  test("it is noticed within a second that a process has ended", async () => {
    const one = await registered();
    intake.poll(true);
    await put(one, 10, "last words");
    await one.kill();
    clock.nowNs += limits.processCheckNs;
    intake.poll();
    intake.poll();
    expect(told()).toEqual(["+a", "a:last words", "-a"]);
  });

  test("in the middle of other work room is made, and nothing delivered", async () => {
    const one = await registered();
    intake.poll(true);
    const large = "x".repeat(16_000);
    const fill = async () => {
      let records = 0;
      while ((await one.send("put", DATA_OUT, 5, 10, large)) === "ok") records++;
      return records;
    };
    const whole = await fill();
    intake.makeRoom();
    expect(await fill()).toBe(whole);
    expect(told()).toEqual(["+a"]);
    expect(intake.poll(true)).toBe(2 * whole);
  });

  test("a writer that died in the middle of a record hides nothing behind it", async () => {
    const one = await registered();
    await put(one, 10, "before");
    await one.send("reserve", 500);
    await put(one, 20, "behind");
    await one.send("reserve", 100);
    await one.kill();
    intake.poll(true);
    expect(told()).toEqual(["+a", "a:before", "a:behind", "-a"]);
    expect(drops.entries()).toEqual([["ring_skipped", 2]]);
  });

  test("the library's counters are summed over living and ended processes", async () => {
    const one = await registered();
    const two = await registered();
    await one.send("count", 0, 3);
    await one.send("count", 6, 1);
    await two.send("count", 0, 4);
    intake.poll(true);
    expect(sources[0]?.counters().slice(0, 7)).toEqual([3, 0, 0, 0, 0, 0, 1]);
    expect(drops.entries()).toEqual([
      ["ring_full", 7],
      ["library_internal", 1],
    ]);
    await one.kill();
    intake.poll(true);
    await two.send("count", 0, 1);
    intake.poll(true);
    expect(drops.get("ring_full")).toBe(8);
    expect(sources[0]?.counters()[0]).toBe(3);
  });
});

describe("order across processes", () => {
  test("messages of rings and datagrams come in the order of their times", async () => {
    const client = await registered();
    intake.poll(true);
    const server = await registered();
    const plain = await library();
    await put(server, 30, "server reads");
    await put(server, 40, "server answers");
    await put(client, 10, "client writes");
    await put(client, 60, "client reads");
    await plain.send("datagram", socket, DATA_OUT, 4, 20, "between");
    await plain.send("datagram", socket, DATA_OUT, 4, 50, "later");
    intake.poll(true);
    expect(told().filter((line) => line.includes(":"))).toEqual([
      "a:client writes",
      "c:between",
      "b:server reads",
      "b:server answers",
      "c:later",
      "a:client reads",
    ]);
  });

  test("a young message waits for older ones of other processes, across polls", async () => {
    const client = await registered();
    const server = await registered();
    intake.poll(true);
    story = [];
    const nowNs = clock.nowNs;
    await put(server, nowNs - 1, "server reads");
    expect(intake.poll()).toBe(0);
    await put(client, nowNs - 2, "client writes");
    expect(intake.poll()).toBe(0);
    clock.nowNs = nowNs + limits.mergeHoldBackNs - 1;
    expect(intake.poll()).toBe(2);
    expect(told()).toEqual(["a:client writes", "b:server reads"]);
  });

  test("a read waits for the message of its write, with all that comes behind it", async () => {
    const server = await registered();
    intake.poll(true);
    early = "server reads";
    await put(server, clock.nowNs, "server reads");
    await put(server, clock.nowNs, "server answers");
    clock.nowNs += limits.causeWaitNs - 1;
    expect(intake.poll()).toBe(0);
    clock.nowNs += 1;
    expect(intake.poll()).toBe(2);
  });

  test("what waits keeps its bytes while much else is read", async () => {
    const one = await registered();
    intake.poll(true);
    story = [];
    for (let round = 0; round < 200; round++) {
      await put(one, clock.nowNs, `m${round}-${"x".repeat(15_000)}`);
      clock.nowNs += limits.mergeHoldBackNs / 2;
      intake.poll();
    }
    intake.poll(true);
    const numbers = story.map((line) => /m(\d+)-x{15000}$/.exec(line)?.[1]);
    expect(numbers).toEqual([...Array(200).keys()].map(String));
  });
});

describe("taking over", () => {
  test("a new ring of the same process: the old one is told to its end first", async () => {
    const one = await registered("exe", "/bin/old");
    await put(one, 10, "old");
    intake.poll(true);
    await put(one, 20, "unread");
    const before = wakes;
    await one.hello(socket, RING_BYTES, "exe", "/bin/new");
    await put(one, 15, "new");
    await woken(before + 1);
    intake.poll();
    expect(told()).toEqual(["+a", "a:old", "a:unread", "-a", "+a", "a:new"]);
    expect(hellos.map(({ executable }) => executable)).toEqual(["/bin/old", "/bin/new"]);
    expect(sources.map(({ id }) => id)).toEqual([1, 2]);
    expect(intake.sources()).toHaveLength(1);
  });

  test("a record that was never finished does not hide what is behind it", async () => {
    const one = await registered();
    intake.poll(true);
    await one.send("reserve", 80);
    await put(one, 10, "behind the hole");
    const before = wakes;
    await one.hello(socket, RING_BYTES);
    await woken(before + 1);
    intake.poll();
    clock.nowNs += limits.mergeHoldBackNs;
    intake.poll();
    intake.poll();
    expect(told()).toEqual(["+a", "a:behind the hole", "-a", "+a"]);
    expect(drops.entries()).toEqual([["ring_skipped", 1]]);
  });

  test("the same in one final poll", async () => {
    const one = await registered();
    await put(one, 30, "old");
    await one.hello(socket, RING_BYTES);
    await put(one, 20, "new");
    await one.kill();
    intake.poll(true);
    expect(told()).toEqual(["+a", "a:old", "-a", "+a", "a:new", "-a"]);
  });

  test("without any message: the old one ends when nothing more can come from it", async () => {
    const one = await registered();
    intake.poll(true);
    const before = wakes;
    await one.hello(socket, RING_BYTES);
    await woken(before + 1);
    intake.poll();
    expect(told()).toEqual(["+a"]);
    clock.nowNs += limits.mergeHoldBackNs;
    intake.poll();
    expect(told()).toEqual(["+a", "-a", "+a"]);
  });

  test("a chain of programs keeps its place among the messages of others", async () => {
    const chain = await registered();
    const other = await registered();
    await put(chain, 10, "first");
    await put(other, 20, "between");
    expect(await chain.send("exec", ringWriterProgram())).toBe(`ready ${chain.pid}`);
    await chain.hello(socket, RING_BYTES);
    await put(chain, 30, "second");
    await put(other, 40, "last");
    expect(intake.poll(true)).toBe(4);
    expect(told()).toEqual(["+a", "+b", "a:first", "b:between", "-a", "+a", "a:second", "b:last"]);
  });

  test("exec: same pid, another program", async () => {
    const one = await registered();
    await put(one, 10, "before exec");
    expect(await one.send("exec", ringWriterProgram())).toBe(`ready ${one.pid}`);
    await one.hello(socket, RING_BYTES, "exe", "/bin/after");
    await put(one, 20, "after exec");
    intake.poll(true);
    expect(told()).toEqual(["+a", "a:before exec", "-a", "+a", "a:after exec"]);
  });
});

describe("senders of datagrams", () => {
  test("a sender that knows only the eight types is known by its credentials", async () => {
    const old = await library({ env: { OTEL_SERVICE_NAME: "legacy", SECRET: "x" } });
    await old.send("datagram", socket, CONNECT, 4, 10, "abcdef");
    await old.send("datagram", socket, DATA_IN, 4, 20, "data");
    await old.kill();
    intake.poll(true);
    expect(told()).toEqual(["+a", "a:abcdef", "a:data", "-a"]);
  });

  test("its hello comes from /proc", async () => {
    const old = await library({ env: { OTEL_SERVICE_NAME: "legacy", SECRET: "x" } });
    await old.send("datagram", socket, DATA_IN, 4, 20, "data");
    intake.poll(true);
    expect(hellos).toEqual([
      {
        executable: realpathSync(ringWriterProgram()),
        args: [ringWriterProgram()],
        environment: new Map([["OTEL_SERVICE_NAME", "legacy"]]),
      },
    ]);
    expect(sources[0]?.counters()).toEqual([]);
  });

  test("a process without a ring introduces itself and sends datagrams", async () => {
    const one = await library();
    await one.send("hello", socket, 0, 0, "exe", "/bin/fallback");
    await one.send("datagram", socket, DATA_OUT, 4, 10, "data");
    intake.poll(true);
    expect(told()).toEqual(["+a", "a:data"]);
    expect(hellos[0]?.executable).toBe("/bin/fallback");
  });

  test("what is no message is counted", async () => {
    const one = await library();
    await one.send("raw", socket, "0102");
    await one.send("raw", socket, `63${"00".repeat(31)}`);
    await one.send("raw", socket, `02${"00".repeat(15)}ff${"00".repeat(15)}`);
    await one.send("raw", socket, "02".repeat(16_500));
    // PROCESS whose payload is a key without a value.
    await one.send("raw", socket, `10${"00".repeat(15)}0400000000000000${"00".repeat(8)}65786500`);
    intake.poll(true);
    expect(story).toEqual([]);
    expect(drops.entries()).toEqual([
      ["message_malformed", 4],
      ["message_unknown_type", 1],
    ]);
  });

  test("identity is the kernel's word, not the sender's", async () => {
    const prefix = IS_ROOT ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
    const one = await library({ prefix });
    // The header claims pid 1.
    const header = `02${"00".repeat(3)}01000000${"00".repeat(24)}`;
    expect(await one.send("raw", socket, header)).toBe("ok");
    intake.poll(true);
    expect(sources[0]).toMatchObject({ pid: one.pid, uid: IS_ROOT ? 65_534 : ownUid() });
  });
});

test("what may wait is shared by the rings, and grows again when processes end", async () => {
  const alone = limits.ringsWaitingBytesMax / limits.ringDataBytes;
  const many = await Promise.all(Array.from({ length: alone }, () => library()));
  for (const one of many.slice(1)) await one.send("hello", socket, RING_BYTES, ALL_SEALS);
  intake.poll(true);
  expect(room).toEqual([]);
  await many[0]?.send("hello", socket, RING_BYTES, ALL_SEALS);
  intake.poll(true);
  const less = Math.floor(limits.ringsWaitingBytesMax / (alone + 1));
  expect(room).toEqual([less]);
  await many[0]?.kill();
  intake.poll(true);
  expect(room).toEqual([less, limits.ringDataBytes]);
});

describe("rings that break the contract", () => {
  const refused: readonly [string, number, number, string][] = [
    ["not sealed", RING_BYTES, 0, "it is not sealed"],
    ["may still grow", RING_BYTES, 3, "it is not sealed"],
    ["may be sealed further", RING_BYTES, 6, "it is not sealed"],
    ["of an odd size", 65_544, ALL_SEALS, "its size is 69640"],
    ["too small", 32_768, ALL_SEALS, "its size is 36864"],
    ["too large", 67_108_864, ALL_SEALS, "its size is 67112960"],
    ["sealed against writing", RING_BYTES, ALL_SEALS | 16, "it cannot be mapped"],
  ];
  for (const [name, bytes, seals, reason] of refused) {
    test(`${name}: refused and counted`, async () => {
      const one = await library();
      expect(await one.send("hello", socket, bytes, seals)).toBe("ok");
      intake.poll(true);
      expect(story).toEqual([]);
      expect(drops.entries()).toEqual([["ring_corrupt", 1]]);
      expect(logged).toEqual([`the ring of process ${one.pid} is refused: ${reason}`]);
    });
  }

  test("spoiled in use: dropped, counted, said once; others go on", async () => {
    const bad = await registered();
    const good = await registered();
    await put(bad, 10, "good so far");
    intake.poll(true);
    await bad.send("count", 0, 5);
    await bad.send("poke", 64, "ffffffffffffffff");
    await put(good, 20, "unharmed");
    intake.poll(true);
    intake.poll(true);
    expect(told()).toEqual(["+a", "+b", "a:good so far", "b:unharmed"]);
    expect(drops.entries()).toEqual([
      ["ring_full", 5],
      ["ring_corrupt", 1],
    ]);
    expect(logged).toHaveLength(1);
    await bad.kill();
    intake.poll(true);
    expect(told().at(-1)).toBe("-a");
  });

  test("too many processes", async () => {
    const one = await library();
    for (let index = 0; index < limits.processesMax + 3; index++) {
      await one.send("hello", socket, 0, 0);
    }
    intake.poll(true);
    expect(drops.get("process_limit")).toBe(3);
  });
});

test("stop delivers what came last and leaves nothing behind", async () => {
  const one = await registered();
  await put(one, 10, "at the last moment");
  await intake.stop();
  expect(told()).toEqual(["+a", "a:at the last moment"]);
  expect(readdirSync(directory)).toEqual([]);
  expect(readdirSync("/proc/self/map_files").length).toBeGreaterThan(0);
  expect(await Bun.file("/proc/self/maps").text()).not.toContain("memfd:ring");
});
