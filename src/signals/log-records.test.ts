import { expect, test } from "bun:test";
import { limits } from "../limits.ts";
import type { LogRecord } from "../model/log-record.ts";
import type { HookedProcess } from "../model/process.ts";
import type { SpanContext } from "../model/span.ts";
import { Drops } from "../self/drops.ts";
import { parseLogLine } from "./log-format.ts";
import { maskSecrets } from "./log-mask.ts";
import { LogRecordBuilder, type ProcessLogWrite } from "./log-records.ts";
import { readableText } from "./log-text.ts";

const encoder = new TextEncoder();

const hooked: HookedProcess = {
  id: 1,
  pid: 7,
  executable: "/usr/bin/app",
  args: [],
  serviceName: "app",
  resource: { attributes: [] },
};

function contextOf(byte: number): SpanContext {
  return {
    traceId: new Uint8Array(16).fill(byte),
    spanId: new Uint8Array(8).fill(byte),
    parentSpanId: undefined,
    parentIsRemote: false,
    traceFlags: 1,
    traceState: undefined,
  };
}

type Write = Partial<Omit<ProcessLogWrite, "payload">> & { readonly text: string };

function recordsOf(writes: readonly Write[], drops = new Drops()): LogRecord[] {
  const builder = new LogRecordBuilder({ drops });
  const records: LogRecord[] = [];
  for (const { text, ...write } of writes) {
    const payload = encoder.encode(text);
    const given = { process: hooked, fd: 1, tid: 9, timeNs: 5, wireLength: payload.length };
    builder.add({ ...given, context: undefined, path: undefined, ...write, payload }, (record) =>
      records.push(record),
    );
  }
  builder.flush((record) => records.push(record));
  return records;
}

test("a record states its process, time, level, stream, thread and context", () => {
  const context = contextOf(1);
  expect(recordsOf([{ text: "INFO:root:hi\n", context }])).toEqual([
    {
      process: hooked,
      observedNs: 5,
      unixTimeNs: undefined,
      severityNumber: 9,
      severityText: "INFO",
      body: "INFO:root:hi",
      attributes: [
        ["thread.id", 9],
        ["log.iostream", "stdout"],
      ],
      context,
    },
  ]);
});

function syslogRecords(priority: number, text: string, wireLength?: number) {
  const drops = new Drops();
  const records: LogRecord[] = [];
  const payload = encoder.encode(text);
  new LogRecordBuilder({ drops }).syslog(
    {
      ...{ process: hooked, priority, tid: 9, timeNs: 5, payload, context: contextOf(3) },
      wireLength: wireLength ?? payload.length,
    },
    (record) => records.push(record),
  );
  return { records, drops };
}

test("a message for syslog is one record of its priority", () => {
  const { records } = syslogRecords(19 * 8 + 3, "cannot write:\n  disk full\n");
  expect(records).toEqual([
    {
      process: hooked,
      observedNs: 5,
      unixTimeNs: undefined,
      severityNumber: 17,
      severityText: "err",
      body: "cannot write:\n  disk full",
      attributes: [
        ["thread.id", 9],
        ["syslog.facility", 19],
      ],
      context: contextOf(3),
    },
  ]);
});

test("syslog's severities by the mapping of the log data model", () => {
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7].map(
    (severity) => syslogRecords(8 + severity, "DEBUG text").records[0]?.severityNumber,
  );
  expect(numbers).toEqual([21, 19, 18, 17, 13, 10, 9, 5]);
});

test("what of a message for syslog is cut, empty or none is told", () => {
  const cut = syslogRecords(14, "password=hunter2 and more", 40_000);
  expect(cut.records[0]?.body).not.toContain("hunter2");
  expect(cut.records[0]?.attributes).toContainEqual(["olly.log.truncated", true]);
  expect(cut.drops.entries()).toEqual([["log_line_truncated", 1]]);
  expect(syslogRecords(14, "\n").records).toEqual([]);
  expect(syslogRecords(192, "text").drops.entries()).toEqual([["message_malformed", 1]]);
  expect(syslogRecords(-1, "text").records).toEqual([]);
});

test("stderr, and the name of a file without its directory", () => {
  const [first, second] = recordsOf([
    { text: "a\n", fd: 2 },
    { text: "b\n", fd: 5, path: "/var/log/app/out.log" },
  ]);
  expect(first?.attributes).toContainEqual(["log.iostream", "stderr"]);
  expect(second?.attributes).toEqual([
    ["thread.id", 9],
    ["log.file.name", "out.log"],
  ]);
});

test("empty lines and lines of blanks are no records", () => {
  const drops = new Drops();
  expect(recordsOf([{ text: "\n \t\n\x1b[0m\n\r\n" }], drops)).toEqual([]);
  expect(drops.entries()).toEqual([]);
});

test("binary lines are dropped and counted", () => {
  const drops = new Drops();
  expect(recordsOf([{ text: "a\0b\nok\n" }], drops).map((record) => record.body)).toEqual(["ok"]);
  expect(drops.entries()).toEqual([["log_not_text", 1]]);
});

test("the context is the one at the first byte of the line", () => {
  const [first, second] = [contextOf(1), contextOf(2)];
  const records = recordsOf([
    { text: "a", context: first, tid: 1, timeNs: 10 },
    { text: "b", context: second, tid: 2, timeNs: 11 },
    { text: "\n", context: undefined, tid: 1, timeNs: 12 },
    { text: "\n", context: first, tid: 2, timeNs: 13 },
  ]);
  expect(records.map((record) => [record.body, record.observedNs, record.context])).toEqual([
    ["a", 10, first],
    ["b", 11, second],
  ]);
});

const traceback = 'Traceback (most recent call last):\n  File "a", line 1\nE: no\nmore of it\n';

const contextCases: readonly (readonly [name: string, text: string, kept: boolean])[] = [
  ["one plain line", "hello\n", true],
  ["a traceback", `ERROR:root:no\n${traceback.slice(0, -"more of it\n".length)}`, true],
  ["one message of several lines", `ERROR:root:no\n${traceback}`, true],
  ["a flush of lines with levels", "INFO:a:b\nINFO:c:d\n", false],
  ["a flush of plain lines", "hello\nworld\n", false],
  ["a flush that ends with a line of another kind", "hello\nINFO:a:b\n", false],
  ["JSON lines", '{"level":"info","msg":"a"}\n{"level":"info","msg":"b"}\n', false],
];

for (const [name, text, kept] of contextCases) {
  test(`context of ${name}`, () => {
    const context = contextOf(1);
    const records = recordsOf([{ text, context }]);
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) expect(record.context).toBe(kept ? context : undefined);
  });
}

test("a line that is not all there says so", () => {
  const drops = new Drops();
  const [record] = recordsOf([{ text: "half", wireLength: 100 }], drops);
  expect(record?.body).toBe("half");
  expect(record?.attributes).toContainEqual(["olly.log.truncated", true]);
  expect(drops.get("log_line_truncated")).toBe(1);
});

test("trace ids of a line are attributes and never the record's context", () => {
  const [record] = recordsOf([{ text: '{"msg":"x","trace_id":"ab","span_id":"cd"}\n' }]);
  expect(record?.context).toBeUndefined();
  expect(record?.attributes).toContainEqual(["trace_id", "ab"]);
  expect(record?.attributes).toContainEqual(["span_id", "cd"]);
});

test("a line cannot restate what olly states", () => {
  const [record] = recordsOf([{ text: '{"msg":"x","thread.id":"forged","log.iostream":"no"}\n' }]);
  expect(record?.attributes).toEqual([
    ["thread.id", 9],
    ["log.iostream", "stdout"],
  ]);
});

test("secrets leave neither in bodies nor in attributes", () => {
  const line = {
    msg: "login password=hunter2",
    api_key: "hunter2",
    pin_token: 1234,
    url: "http://u:hunter2@h/",
    card: 4111111111111111,
    list: ["password=hunter2"],
    user: "bob",
  };
  const [record] = recordsOf([{ text: `${JSON.stringify(line)}\n` }]);
  expect(record?.body).toBe("login password=REDACTED");
  expect(Object.fromEntries(record?.attributes.slice(2) ?? [])).toEqual({
    api_key: "REDACTED",
    pin_token: "REDACTED",
    url: "http://REDACTED:REDACTED@h/",
    card: "REDACTED",
    list: ["password=REDACTED"],
    user: "bob",
  });
});

test("fields over the limit are counted", () => {
  const drops = new Drops();
  recordsOf([{ text: `{"msg":"x","long":"${"y".repeat(5_000)}"}\n` }], drops);
  expect(drops.get("log_attribute_limit")).toBe(1);
});

test("unfinished lines come out when their time, descriptor or process ends", () => {
  const builder = new LogRecordBuilder({ drops: new Drops() });
  const records: string[] = [];
  const emit = (record: LogRecord) => records.push(record.body);
  const write = { process: hooked, tid: 1, timeNs: 0, wireLength: 1, context: undefined };
  for (const [fd, text] of [
    [1, "a"],
    [2, "b"],
    [5, "c"],
  ] as const) {
    builder.add({ ...write, fd, path: undefined, payload: encoder.encode(text) }, emit);
  }
  expect(builder.partialLines).toBe(3);
  builder.closed(1, 5, emit);
  builder.closed(1, 5, emit);
  expect(records).toEqual(["c"]);
  builder.expire(limits.logPartialNsMax - 1, emit);
  expect(records).toEqual(["c"]);
  builder.expire(limits.logPartialNsMax, emit);
  builder.processEnded(1, emit);
  expect(records).toEqual(["c", "a", "b"]);
});

/** Small deterministic generator (xorshift), so that a failure can be repeated. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const fragments = [
  "\n",
  "\r\n",
  " ",
  "  at ",
  "{",
  "}",
  '{"msg":"',
  '"',
  "\\",
  ":",
  "=",
  "==",
  "level=info ",
  "ERROR",
  "error: ",
  "[",
  "]",
  "<34>",
  "<1>1 - ",
  "Jan  2 03:04:05 ",
  "2026-01-02T03:04:05Z",
  "password=",
  "Bearer ",
  "eyJ",
  "4111 1111 ",
  "1111 1111",
  "-----BEGIN PRIVATE KEY-----",
  "Traceback (most recent call last):",
  "\x1b[31m",
  "\x1b]",
  "\0",
  "é",
  "\u{1f642}",
  "://a:b@",
  "I, [2",
  "E0102 ",
  "12:M 02 ",
  "x".repeat(300),
];

test("seeded fuzz: nothing throws, and no record is empty", () => {
  const random = createRandom(20260102);
  for (let round = 0; round < 3_000; round++) {
    const drops = new Drops();
    const writes: Write[] = [];
    for (let count = random(4); count >= 0; count--) {
      let text = "";
      for (let piece = random(12); piece >= 0; piece--) {
        text += fragments[random(fragments.length)];
        if (random(8) === 0) text += String.fromCharCode(random(0x300));
      }
      const uncaptured = random(10) === 0 ? 5 : 0;
      const wireLength = encoder.encode(text).length + uncaptured;
      writes.push({ text, tid: random(2) + 1, fd: random(3), wireLength });
    }
    const records = recordsOf(writes, drops);
    for (const record of records) {
      expect(record.body.trim()).not.toBe("");
      expect(record.severityNumber >= 0 && record.severityNumber <= 24).toBe(true);
    }
  }
});

const hostile: readonly (readonly [name: string, text: (chars: number) => string])[] = [
  ["one long word", (chars) => "x".repeat(chars)],
  ["equals signs", (chars) => "=".repeat(chars)],
  ["pairs", (chars) => "a= ".repeat(chars / 3)],
  ["deep JSON", (chars) => `{"a":${"[".repeat(chars / 2)}${"]".repeat(chars / 2)}}`],
  ["deep JSON objects", (chars) => `${'{"a":'.repeat(chars / 6)}1${"}".repeat(chars / 6)}`],
  ["wide JSON", (chars) => `{${'"token":"x",'.repeat(chars / 12)}"b":1}`],
  ["open quotes", (chars) => `level=x msg="${'\\"'.repeat(chars / 2)}`],
  ["secret names", (chars) => "token=".repeat(chars / 6)],
  ["open secrets", (chars) => 'token:"'.repeat(chars / 7)],
  ["schemes", (chars) => "Bearer ".repeat(chars / 7)],
  ["token heads", (chars) => "eyJ eyJ".repeat(chars / 7)],
  ["digits", (chars) => "4".repeat(chars)],
  ["groups of digits", (chars) => "4444 ".repeat(chars / 5)],
  ["authorities", (chars) => "a://b:c".repeat(chars / 7)],
  ["escapes", (chars) => "\x1b[1m".repeat(chars / 4)],
  ["open commands", (chars) => "\x1b]".repeat(chars / 2)],
  ["PEM heads", (chars) => "-----BEGIN PRIVATE KEY".repeat(chars / 22)],
  ["structured data", (chars) => `<1>1 - - - - - ${'[a b="c"'.repeat(chars / 8)}`],
  ["brackets", (chars) => "[".repeat(chars)],
  ["frames", (chars) => " a\n".repeat(chars / 3)],
];

const SMALL = 16_384;
const FACTOR = 16;
const ROUNDS = 5;
/** Of the time of as many bytes in small texts: linear gives 1, quadratic 16. */
const RATIO_MAX = 5;
/** Keeps the clock's grain out of the ratio. */
const US_MIN = 200;

function read(text: string): void {
  const bytes = encoder.encode(text);
  maskSecrets(parseLogLine(readableText(bytes, 0, bytes.length) ?? text).body);
}

/** CPU time of this process: other programs on the machine do not count. */
function cpuUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

for (const [name, text] of hostile) {
  test(`linear in hostile input: ${name}`, () => {
    const [small, large] = [text(SMALL), text(SMALL * FACTOR)];
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS && least >= RATIO_MAX; round++) {
      const yardstick = cpuUs(() => {
        for (let time = 0; time < FACTOR; time++) read(small);
      });
      least = Math.min(least, cpuUs(() => read(large)) / Math.max(yardstick, US_MIN));
    }
    expect(least).toBeLessThan(RATIO_MAX);
  });
}

test("a line of a megabyte costs no more memory than the limit", () => {
  const piece = "x".repeat(limits.payloadBytesMax - 1);
  const records = recordsOf([
    ...Array.from({ length: 64 }, () => ({ text: piece })),
    { text: "\nnext\n" },
  ]);
  expect(records.map((record) => record.body.length)).toEqual([limits.logLineBytesMax, 4]);
});
