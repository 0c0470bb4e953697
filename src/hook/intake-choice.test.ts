/** Processes that the rules leave alone, as the intake treats them. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  FakeClock,
  FakeLibrary,
  ringWriterProgram,
  wire,
} from "../../test/harness/fake-library.ts";
import { limits } from "../limits.ts";
import { Drops } from "../self/drops.ts";
import { Intake } from "./intake.ts";

const DATA_OUT = 2;
const RING_BYTES = 65_536;
const WANTED = "/bin/wanted";
const UNWANTED = "/bin/unwanted";

let directory: string;
let socket: string;
let clock: FakeClock;
let drops: Drops;
/** What was told, a line each: "+", the text of a message, "-". */
let story: string[];
let unwanted: Set<string>;
let tokens: bigint[];
let intake: Intake;
let library: FakeLibrary;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "olly-choice-"));
  chmodSync(directory, 0o711);
  socket = join(directory, "hook.sock");
  clock = new FakeClock();
  drops = new Drops();
  story = [];
  unwanted = new Set([UNWANTED]);
  tokens = [];
  intake = new Intake({
    socketPath: socket,
    clock,
    drops,
    wire,
    log: { warn: (line) => story.push(line), error: (line) => story.push(line) },
    wants: (_, { executable }) => !unwanted.has(executable),
    refuse: (token) => tokens.push(token),
    events: {
      processStarted: () => story.push("+"),
      message: (_, { payload }) => story.push(Buffer.from(payload).toString()),
      processEnded: () => story.push("-"),
    },
  });
  await intake.start();
  library = await FakeLibrary.start();
});

afterEach(async () => {
  await library.kill();
  await intake.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function hello(ringBytes: number, executable: string, ...pairs: string[]): Promise<void> {
  expect(await library.hello(socket, ringBytes, "exe", executable, ...pairs)).toBe("ok");
}

async function put(timeNs: number, text: string): Promise<void> {
  expect(await library.send("put", DATA_OUT, 5, timeNs, text)).toBe("ok");
}

async function datagram(timeNs: number, text: string): Promise<void> {
  expect(await library.send("datagram", socket, DATA_OUT, 5, timeNs, text)).toBe("ok");
}

test("a ring is not read, not even what it holds, and the process is told", async () => {
  await hello(RING_BYTES, UNWANTED);
  await put(10, "before the verdict");
  intake.poll(true);
  expect(await library.send("refused")).toBe("ok");
  await put(20, "after it");
  await library.kill();
  intake.poll(true);
  expect(story).toEqual([]);
  expect(drops.entries()).toEqual([]);
  expect(tokens).toEqual([]);
});

test("a ring that is wanted is not told otherwise", async () => {
  await hello(RING_BYTES, WANTED);
  intake.poll(true);
  expect(await library.send("refused")).not.toBe("ok");
});

test("what a wanted program said before it became another one is delivered", async () => {
  await hello(RING_BYTES, WANTED);
  await put(10, "wanted");
  intake.poll(true);
  await put(15, "to the end");
  await hello(RING_BYTES, UNWANTED);
  await put(20, "unwanted");
  await library.kill();
  intake.poll(true);
  expect(story).toEqual(["+", "wanted", "to the end", "-"]);
});

test("a program that takes the place of an unwanted one is delivered", async () => {
  await hello(RING_BYTES, UNWANTED);
  await put(10, "unwanted");
  intake.poll(true);
  await hello(RING_BYTES, WANTED);
  await put(20, "wanted");
  intake.poll(true);
  expect(story).toEqual(["+", "wanted"]);
});

test("without a ring the messages are passed over, and the control page is told once", async () => {
  await hello(0, UNWANTED, "token", "00000000000000ab");
  await datagram(10, "first");
  intake.poll(true);
  clock.nowNs += 10 * limits.processCheckNs;
  await datagram(20, "second");
  intake.poll(true);
  expect(story).toEqual([]);
  expect(tokens).toEqual([0xabn]);
  await hello(0, WANTED);
  await datagram(30, "third");
  intake.poll(true);
  expect(story).toEqual(["+", "third"]);
});

test("a sender that never says hello is judged by what /proc says", async () => {
  unwanted.add(realpathSync(ringWriterProgram()));
  await datagram(10, "first");
  intake.poll(true);
  expect(story).toEqual([]);
});
