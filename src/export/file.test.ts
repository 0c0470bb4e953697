import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../limits.ts";
import { createExporter, ExportSetupError } from "./exporter.ts";
import { FileSink } from "./file.ts";
import { LineDestination, type LineOutcome, type LineSink } from "./lines.ts";
import { processOf, randomLog, randomSpan, seededRandom } from "./otlp/test-data.ts";
import { testContext } from "./test-context.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "olly-file-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const random = seededRandom(11);
const shop = processOf(1, "shop");
const settings = {
  name: "file",
  target: "out.json",
  spanLoss: "file_write_failed",
  logLoss: "file_write_failed",
} as const;

function makeFifo(path: string): void {
  const made = Bun.spawnSync(["mkfifo", path]);
  if (made.exitCode !== 0) throw new Error("mkfifo failed");
}

describe("createExporter with a file", () => {
  test("appends whole lines, one JSON object each, spans and logs apart", async () => {
    const path = join(directory, "out.json");
    writeFileSync(path, '{"earlier":true}\n');
    const exporter = createExporter({ file: { path } }, testContext());
    for (let index = 0; index < limits.exportBatchItemsMax + 1; index++) {
      exporter.addSpan(randomSpan(random, shop));
    }
    exporter.addLog(randomLog(random, shop));
    await exporter.flush(1_000);
    await exporter.close();
    const text = readFileSync(path, "utf8");
    expect(text.endsWith("\n")).toBe(true);
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => Object.keys(line))).toEqual([
      ["earlier"],
      ["resourceSpans"],
      ["resourceSpans"],
      ["resourceLogs"],
    ]);
    const spans = lines.slice(1, 3).map((line) => line.resourceSpans[0].scopeSpans[0].spans.length);
    expect(spans).toEqual([limits.exportBatchItemsMax, 1]);
    expect(exporter.status()).toEqual([
      {
        name: "file",
        state: "ok",
        lastError: undefined,
        queued: 0,
        exportedSpans: limits.exportBatchItemsMax + 1,
        exportedLogs: 1,
        failedSpans: 0,
        failedLogs: 0,
      },
    ]);
  });

  test("a small batch is written when it has waited", () => {
    const path = join(directory, "out.json");
    const context = testContext();
    const exporter = createExporter({ file: { path } }, context);
    exporter.addLog(randomLog(random, shop));
    exporter.tick(context.clock.nowNs);
    expect(statSync(path).size).toBe(0);
    exporter.tick(context.clock.nowNs + limits.exportIntervalMs * 1e6);
    expect(statSync(path).size).toBeGreaterThan(0);
  });

  test("the file is not for everyone to read", () => {
    const path = join(directory, "out.json");
    new FileSink(path).close();
    expect(statSync(path).mode & 0o007).toBe(0);
  });

  const refused: [string, (directory: string) => string, string][] = [
    ["a full device", () => "/dev/full", "no space left on the device"],
    ["a directory", (path) => path, "it is a directory"],
    ["a missing directory", (path) => join(path, "no/out.json"), "no such file or directory"],
    [
      "a file as directory",
      (path) => join(path, "a-file/x"),
      "a part of the path is not a directory",
    ],
    ["a pipe that nobody reads", (path) => join(path, "fifo"), "nobody reads from it"],
  ];
  for (const [name, pathOf, reason] of refused) {
    test(`${name} is refused at once with one line`, () => {
      writeFileSync(join(directory, "a-file"), "");
      makeFifo(join(directory, "fifo"));
      const path = pathOf(directory);
      const error = new ExportSetupError(`cannot write to ${path}: ${reason}`);
      expect(() => createExporter({ file: { path } }, testContext())).toThrow(error);
    });
  }

  test("a file where even root may create none is refused", () => {
    const refusal = /permission denied|not permitted|read-only/;
    expect(() => new FileSink("/sys/olly.jsonl")).toThrow(refusal);
  });
});

describe("a disk that fills up", () => {
  const source = (name: string) => JSON.stringify(join(import.meta.dir, name));

  /** A file that may grow to `bytes`, by a limit on a child process that runs `script`. */
  function runLimited(kilobytes: number, script: string): unknown {
    const child = join(directory, "child.ts");
    writeFileSync(child, script);
    const command = `trap '' XFSZ; ulimit -f ${kilobytes}; exec "$0" "$1"`;
    const ended = Bun.spawnSync(["bash", "-c", command, process.execPath, child]);
    expect(ended.stderr.toString()).toBe("");
    return JSON.parse(ended.stdout.toString());
  }

  test("half a line is taken back, and everything that did not fit is counted", () => {
    const path = join(directory, "out.json");
    const status = runLimited(
      64,
      `import { createExporter } from ${source("exporter.ts")};
       import { testContext } from ${source("test-context.ts")};
       import { processOf, seededRandom, typicalSpan } from ${source("otlp/test-data.ts")};
       const context = testContext();
       const exporter = createExporter({ file: { path: ${JSON.stringify(path)} } }, context);
       const random = seededRandom(1);
       const shop = processOf(1, "shop");
       for (let round = 0; round < 3; round++) {
         for (let index = 0; index < 40; index++) exporter.addSpan(typicalSpan(random, shop));
         await exporter.flush(1000);
       }
       const [status] = exporter.status();
       const drops = context.drops.entries();
       console.log(JSON.stringify({ ...status, drops, warnings: context.warnings }));`,
    );
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    const written = lines.flatMap((line) => JSON.parse(line).resourceSpans[0].scopeSpans[0].spans);
    expect(written.length).toBeGreaterThan(0);
    expect(status).toEqual({
      name: "file",
      state: "failed",
      lastError: `cannot write to ${path}: the file is too large`,
      queued: 0,
      exportedSpans: written.length,
      exportedLogs: 0,
      failedSpans: 120 - written.length,
      failedLogs: 0,
      drops: [["file_write_failed", 120 - written.length]],
      warnings: [`file: cannot write to ${path}: the file is too large`],
    });
  });
});

describe("a pipe whose reader is slow", () => {
  test("never blocks, and ends up with whole lines", () => {
    const path = join(directory, "fifo");
    makeFifo(path);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const sink = new FileSink(path);
    const line = `${"x".repeat(200_000)}\n`;
    expect(sink.write(line).kind).toBe("busy");
    const buffer = new Uint8Array(65_536);
    let received = "";
    let outcome: LineOutcome["kind"] = "busy";
    for (let turn = 0; turn < 100 && received.length < line.length; turn++) {
      received += new TextDecoder().decode(buffer.subarray(0, readSync(reader, buffer)));
      if (outcome === "busy") outcome = sink.write(line).kind;
    }
    expect(outcome).toBe("ok");
    expect(received === line).toBe(true);
    closeSync(reader);
    expect(sink.write("y\n")).toEqual({
      kind: "failed",
      reason: `cannot write to ${path}: the reader has gone`,
    });
    sink.close();
  });
});

describe("LineDestination", () => {
  class FakeSink implements LineSink {
    readonly outcomes: LineOutcome[] = [];
    readonly lines: string[] = [];
    write(line: string): LineOutcome {
      const outcome = this.outcomes.shift() ?? { kind: "ok" };
      if (outcome.kind === "ok") this.lines.push(line);
      return outcome;
    }
    close(): void {}
  }

  test("a failure is told once, counted, and a recovery is told", async () => {
    const sink = new FakeSink();
    const context = testContext();
    const destination = new LineDestination(sink, settings, context);
    sink.outcomes.push({ kind: "failed", reason: "full" }, { kind: "failed", reason: "full" });
    destination.addSpan(randomSpan(random, shop));
    destination.addLog(randomLog(random, shop));
    await destination.flush(100);
    expect(destination.status()).toMatchObject({ state: "failed", failedSpans: 1, failedLogs: 1 });
    expect(context.warnings).toEqual(["file: full"]);
    destination.addSpan(randomSpan(random, shop));
    await destination.flush(100);
    expect(destination.status()).toMatchObject({
      state: "ok",
      lastError: "full",
      exportedSpans: 1,
      failedSpans: 1,
    });
    expect(context.notes).toEqual(["file: out.json can be written again"]);
    expect(context.drops.entries()).toEqual([["file_write_failed", 2]]);
  });

  test("a busy sink keeps the line, and a flush that runs out of time counts it", async () => {
    const sink = new FakeSink();
    const context = testContext();
    const destination = new LineDestination(sink, settings, context);
    destination.addSpan(randomSpan(random, shop));
    sink.outcomes.push({ kind: "busy" });
    const nowNs = context.clock.nowNs;
    destination.tick(nowNs);
    destination.tick(nowNs + 200e6);
    expect(destination.status()).toMatchObject({ state: "retrying", queued: 1 });
    destination.tick(nowNs + 210e6);
    expect(destination.status()).toMatchObject({ state: "ok", queued: 0, exportedSpans: 1 });
    destination.addSpan(randomSpan(random, shop));
    for (let attempt = 0; attempt < 9; attempt++) sink.outcomes.push({ kind: "busy" });
    await destination.flush(20);
    expect(destination.status()).toMatchObject({ state: "failed", queued: 0, failedSpans: 1 });
    expect(context.drops.entries()).toEqual([["file_write_failed", 1]]);
  });

  test("a full queue counts", () => {
    const context = testContext();
    const destination = new LineDestination(new FakeSink(), settings, context);
    const log = randomLog(random, shop);
    for (let index = 0; index < limits.exportQueueItemsMax + 2; index++) destination.addLog(log);
    expect(context.drops.entries()).toEqual([["log_queue_full", 2]]);
    expect(destination.status().failedLogs).toBe(2);
  });
});

test("somebody else's lines are never cut", () => {
  const path = join(directory, "out.json");
  const sink = new FileSink(path);
  sink.write("one\n");
  appendFileSync(path, "other\n");
  sink.write("two\n");
  sink.close();
  expect(readFileSync(path, "utf8")).toBe("one\nother\ntwo\n");
});

test("the console's JSON format: the same lines, and a writer that throws is counted", async () => {
  const texts: string[] = [];
  let broken = false;
  const context = testContext();
  const write = (text: string) => {
    if (broken) throw new Error("EPIPE");
    texts.push(text);
  };
  const console = { format: "json", colour: true, columns: 80, write } as const;
  const exporter = createExporter({ console }, context);
  exporter.addSpan(randomSpan(random, shop));
  exporter.addLog(randomLog(random, shop));
  await exporter.flush(100);
  expect(texts.map((text) => Object.keys(JSON.parse(text)))).toEqual([
    ["resourceSpans"],
    ["resourceLogs"],
  ]);
  broken = true;
  exporter.addSpan(randomSpan(random, shop));
  await exporter.flush(100);
  expect(exporter.status()).toMatchObject([
    { name: "console", state: "failed", exportedSpans: 1, exportedLogs: 1, failedSpans: 1 },
  ]);
  expect(context.drops.entries()).toEqual([["span_export_failed", 1]]);
});
