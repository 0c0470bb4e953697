import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../limits.ts";
import { ControlPage } from "./control-page.ts";
import { HookSetupError } from "./setup-error.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "olly-control-"));
  path = join(directory, "control");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const settings = {
  onDemand: false,
  captureBytesMax: 4096,
  logCapture: true,
  children: "inherit",
} as const;

test("a new page is dormant, readable by everyone, 4096 zero bytes", () => {
  const page = ControlPage.create(path);
  expect(page.read()).toEqual({
    active: false,
    resume: false,
    version: 0,
    agentEpoch: 0,
    activation: 0,
    captureBytesMax: 0,
    logCapture: false,
    children: 0,
  });
  page.close();
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(readFileSync(path)).toEqual(Buffer.alloc(4096));
});

test("start states everything and switches tracing on", () => {
  const page = ControlPage.create(path);
  page.start(settings);
  expect(page.read()).toEqual({
    active: true,
    resume: false,
    version: 1,
    agentEpoch: 1,
    activation: 1,
    captureBytesMax: 4096,
    logCapture: true,
    children: 0,
  });
  page.close();
  expect([...readFileSync(path).subarray(0, 24)]).toEqual([
    1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 16, 0, 0, 1, 0, 0, 0,
  ]);
  expect(readFileSync(path).readUInt32LE(32)).toBe(limits.ringDataBytes);
});

test("what may wait in a new ring is said", () => {
  const page = ControlPage.create(path);
  page.setRingWaiting(5_000_000);
  page.close();
  expect(readFileSync(path).readUInt32LE(32)).toBe(5_000_000);
});

test("a restart keeps the file and raises the epoch", () => {
  const first = ControlPage.create(path);
  first.start(settings);
  first.close();
  const { ino } = statSync(path);
  const second = ControlPage.create(path);
  second.start(settings);
  expect(statSync(path).ino).toBe(ino);
  expect(second.read()).toMatchObject({ active: true, agentEpoch: 2, activation: 2 });
  second.close();
});

describe("on demand", () => {
  for (const active of [false, true]) {
    test(`an agent that starts leaves tracing ${active ? "on" : "off"}`, () => {
      const page = ControlPage.create(path);
      page.setActive(active);
      page.start({ ...settings, onDemand: true });
      expect(page.read()).toMatchObject({ active, agentEpoch: 1 });
      page.close();
    });
  }
});

describe("an agent that ends in order", () => {
  for (const active of [false, true]) {
    test(`leaves programs dormant; the next on demand has tracing ${active ? "on" : "off"}`, () => {
      const page = ControlPage.create(path);
      page.start({ ...settings, onDemand: true });
      page.setActive(active);
      page.suspend();
      expect(page.read()).toMatchObject({ active: false, resume: active });
      page.start({ ...settings, onDemand: true });
      expect(page.read()).toMatchObject({ active, resume: false });
      page.close();
    });
  }

  test("a stop in between is remembered", () => {
    const page = ControlPage.create(path);
    page.setActive(true);
    page.suspend();
    page.setActive(false);
    page.start({ ...settings, onDemand: true });
    expect(page.read().active).toBe(false);
    page.close();
  });
});

test("every start of tracing is a new activation, a stop is none", () => {
  const page = ControlPage.create(path);
  page.setActive(true);
  page.setActive(false);
  expect(page.read()).toMatchObject({ active: false, activation: 1 });
  page.setActive(true);
  expect(page.read()).toMatchObject({ active: true, activation: 2 });
  page.close();
});

test("the capture limit stays within what is taken of one call", () => {
  const page = ControlPage.create(path);
  page.configure({ ...settings, captureBytesMax: 1e6, logCapture: false });
  expect(page.read()).toMatchObject({ captureBytesMax: 65_536, logCapture: false });
  page.close();
});

test("what children get is a number of the wire", () => {
  const page = ControlPage.create(path);
  for (const [children, number] of [
    ["always", 1],
    ["never", 2],
    ["inherit", 0],
  ] as const) {
    page.configure({ ...settings, children });
    expect(page.read().children).toBe(number);
  }
  page.close();
});

test("refused tokens fill the list in turn, counted after they are stored", () => {
  const page = ControlPage.create(path);
  for (let token = 1n; token <= 66n; token++) page.refuse(token + (1n << 63n));
  page.close();
  const bytes = readFileSync(path);
  expect(bytes.readUInt32LE(28)).toBe(66);
  const tokens = [0, 1, 2, 63].map((index) => bytes.readBigUInt64LE(512 + 8 * index) - (1n << 63n));
  expect(tokens).toEqual([65n, 66n, 3n, 64n]);
  expect(bytes.subarray(1024).every((byte) => byte === 0)).toBe(true);
});

test("trace commands work without an agent", () => {
  ControlPage.create(path).close();
  const writer = ControlPage.open(path);
  writer.setActive(true);
  writer.close();
  const reader = ControlPage.openReadOnly(path);
  expect(reader.read().active).toBe(true);
  expect(() => reader.setActive(false)).toThrow(HookSetupError);
  reader.close();
});

test("a page that is too short grows, one that others cannot read is opened up", () => {
  writeFileSync(path, "\x01");
  truncateSync(path, 100);
  chmodSync(path, 0o600);
  const { ino } = statSync(path);
  const page = ControlPage.create(path);
  expect(page.read().active).toBe(true);
  page.close();
  expect(statSync(path)).toMatchObject({ ino, size: 4096 });
  expect(statSync(path).mode & 0o777).toBe(0o644);
});

describe("refused in one line", () => {
  const cases: readonly [string, () => void, () => void][] = [
    ["nothing to open", () => {}, () => ControlPage.open(path)],
    ["a directory", () => mkdirSync(path), () => ControlPage.create(path)],
    ["a link", () => symlinkSync("/etc/hostname", path), () => ControlPage.create(path)],
    ["too short to open", () => writeFileSync(path, "x"), () => ControlPage.openReadOnly(path)],
    [
      "a missing directory",
      () => rmSync(directory, { recursive: true }),
      () => ControlPage.create(path),
    ],
  ];
  for (const [name, prepare, open] of cases) {
    test(name, () => {
      prepare();
      let problem: unknown;
      try {
        open();
      } catch (error) {
        problem = error;
      }
      expect(problem).toBeInstanceOf(HookSetupError);
      expect(problem instanceof Error && problem.message).toMatch(/^[^\n]*control[^\n]*$/);
    });
  }
});
