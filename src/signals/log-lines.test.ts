import { describe, expect, test } from "bun:test";
import { limits } from "../limits.ts";
import { Drops } from "../self/drops.ts";
import { type LogLine, LogLines } from "./log-lines.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Seen {
  readonly text: string;
  readonly origin: string;
  readonly truncated?: true;
  readonly buffered?: true;
}

interface Step {
  readonly text?: string;
  readonly bytes?: Uint8Array;
  readonly fd?: number;
  readonly tid?: number;
  readonly processId?: number;
  readonly timeNs?: number;
  /** Bytes that the process wrote beyond those captured. */
  readonly uncaptured?: number;
  readonly origin?: string;
}

class Bench {
  readonly drops = new Drops();
  readonly lines = new LogLines<string>(this.drops);
  readonly seen: Seen[] = [];
  readonly take = (line: LogLine<string>): void => {
    const text = decoder.decode(line.bytes.subarray(line.start, line.end));
    this.seen.push({
      text,
      origin: line.origin,
      ...(line.truncated ? { truncated: true as const } : {}),
      ...(line.buffered ? { buffered: true as const } : {}),
    });
  };

  write(step: Step): this {
    const payload = step.bytes ?? encoder.encode(step.text ?? "");
    this.lines.add(
      {
        processId: step.processId ?? 1,
        fd: step.fd ?? 1,
        tid: step.tid ?? 100,
        timeNs: step.timeNs ?? 0,
        wireLength: payload.length + (step.uncaptured ?? 0),
        payload,
      },
      step.origin ?? "o",
      this.take,
    );
    // The payload is only valid during the call.
    payload.fill(0x21);
    return this;
  }

  texts(): string[] {
    return this.seen.map((line) => line.text);
  }
}

function textsOf(...writes: readonly (string | Step)[]): string[] {
  const bench = new Bench();
  for (const step of writes) bench.write(typeof step === "string" ? { text: step } : step);
  return bench.texts();
}

describe("lines", () => {
  test("one write, one line", () => expect(textsOf("a\n")).toEqual(["a"]));
  test("one write, several lines", () => expect(textsOf("a\nb\n\nc\n")).toEqual(["a", "b", "c"]));
  test("text and newline apart", () => expect(textsOf("a", "\n")).toEqual(["a"]));
  test("many pieces", () => expect(textsOf("a", "b", "c\nd", "e\n")).toEqual(["abc", "de"]));
  test("an unfinished line is not emitted", () => expect(textsOf("a\nb")).toEqual(["a"]));
  test("line ends stay with the caller", () =>
    expect(textsOf("a\r\nb\r\n")).toEqual(["a\r", "b\r"]));

  test("a character split over two writes", () => {
    const bytes = encoder.encode("größe\n");
    expect(textsOf({ bytes: bytes.slice(0, 3) }, { bytes: bytes.slice(3) })).toEqual(["größe"]);
  });

  test("pieces of different threads, descriptors and processes do not mix", () => {
    const bench = new Bench();
    bench.write({ text: "a", tid: 1 }).write({ text: "b", tid: 2 });
    bench.write({ text: "c", tid: 1, fd: 2 }).write({ text: "d", tid: 1, processId: 2 });
    bench.write({ text: "A\n", tid: 1 }).write({ text: "B\n", tid: 2 });
    bench.write({ text: "C\n", tid: 1, fd: 2 }).write({ text: "D\n", tid: 1, processId: 2 });
    expect(bench.texts()).toEqual(["aA", "bB", "cC", "dD"]);
    expect(bench.lines.partialBytes).toBe(0);
  });

  test("a line's origin is the write of its first byte", () => {
    const bench = new Bench();
    bench.write({ text: "a", origin: "first" }).write({ text: "b\nc\nd", origin: "second" });
    bench.write({ text: "\n", origin: "third" });
    expect(bench.seen).toEqual([
      { text: "ab", origin: "first" },
      { text: "c", origin: "second" },
      { text: "d", origin: "second" },
    ]);
  });

  test("every split of a text gives the same lines", () => {
    const text = "one\nzwölf\n\nthree and more\nlast\n";
    const bytes = encoder.encode(text);
    for (let cut = 1; cut < bytes.length; cut++) {
      const steps = [{ bytes: bytes.slice(0, cut) }, { bytes: bytes.slice(cut) }];
      expect(textsOf(...steps)).toEqual(["one", "zwölf", "three and more", "last"]);
    }
    const single = Array.from(bytes, (byte) => ({ bytes: Uint8Array.of(byte) }));
    expect(textsOf(...single)).toEqual(["one", "zwölf", "three and more", "last"]);
  });
});

const traceback = [
  "Traceback (most recent call last):",
  '  File "a.py", line 1, in <module>',
  "    f()",
  "ValueError: no",
].join("\n");

const chained = `${traceback}\n\nDuring handling of the above exception, another exception occurred:\n\n${traceback}`;

const java = [
  "java.lang.IllegalStateException: no",
  "\tat a.B.c(B.java:1)",
  "Caused by: java.io.IOException: gone",
  "\tat d.E.f(E.java:2)",
  "\t... 5 more",
].join("\n");

const pem = "key: -----BEGIN PRIVATE KEY-----\nAAAA\n\nBBBB\n-----END PRIVATE KEY-----";

/** Each inner list is one record of a single write. */
const records: readonly (readonly [name: string, records: readonly string[]])[] = [
  ["a log line with a traceback", [`ERROR:root:failed\n${traceback}`, "INFO:root:next"]],
  ["a chained traceback", [chained, "next"]],
  ["two tracebacks that are not chained", [traceback, "next", `ERROR:a:b\n${traceback}`]],
  ["a Java stack trace", [java, "next"]],
  ["indented lines", ["usage:\n  a\n  b", "next"]],
  ["an object dump", ["{\n  a: 1,\n  b: [\n    2\n  ]\n}", "next"]],
  ["brackets that do not belong", ["a {", "}", "[x]", "next"]],
  ["a PEM block", [pem, "next"]],
  ["unrelated lines", ["one", "two", "Caused an error", "Traceback of a parcel", "-----"]],
];

describe("records of several lines", () => {
  for (const [name, expected] of records) {
    const text = `${expected.join("\n")}\n`;
    test(name, () => expect(textsOf(text)).toEqual([...expected]));
    test(`${name}, with its last newline apart`, () => {
      expect(textsOf(text.slice(0, -1), "\n")).toEqual([...expected]);
    });
    test(`${name}, with a piece before it`, () => {
      expect(textsOf(text.slice(0, 1), text.slice(1))).toEqual([...expected]);
    });
  }

  test("a PEM block keeps its empty lines, a chain its own, a dump ends at one", () => {
    expect(textsOf("a\n\n  b\n")).toEqual(["a", "  b"]);
  });

  test("lines of two writes are never joined", () => {
    expect(textsOf("a\n", "  b\n", "\tat x\n")).toEqual(["a", "  b", "\tat x"]);
  });

  test("an indented line that is not finished stays with its record", () => {
    expect(textsOf("a\n  b", "c\n  d\ne\n")).toEqual(["a\n  bc\n  d", "e"]);
  });

  test("CRLF", () => {
    const text = traceback.replaceAll("\n", "\r\n");
    expect(textsOf(`${text}\r\nnext\r\n`)).toEqual([`${text}\r`, "next\r"]);
  });
});

describe("what is not captured", () => {
  test("the rest of a write: its line is marked, the next write starts afresh", () => {
    const bench = new Bench();
    bench.write({ text: "a\nlong", uncaptured: 10 }).write({ text: "b\n" });
    expect(bench.seen).toEqual([
      { text: "a", origin: "o" },
      { text: "long", origin: "o", truncated: true },
      { text: "b", origin: "o" },
    ]);
    expect(bench.drops.get("log_line_truncated")).toBe(1);
  });

  test("the rest behind a whole line is counted", () => {
    const bench = new Bench().write({ text: "a\n", uncaptured: 10 });
    expect(bench.seen).toEqual([{ text: "a", origin: "o" }]);
    expect(bench.drops.get("log_line_truncated")).toBe(1);
  });

  test("the rest of a later piece", () => {
    const bench = new Bench().write({ text: "a" }).write({ text: "b", uncaptured: 1 });
    bench.write({ text: "c\n" });
    expect(bench.seen.map(({ text, truncated }) => [text, truncated])).toEqual([
      ["ab", true],
      ["c", undefined],
    ]);
  });

  test("the rest of an indented piece", () => {
    const bench = new Bench().write({ text: "a" }).write({ text: "\n b", uncaptured: 1 });
    expect(bench.seen).toEqual([{ text: "a\n b", origin: "o", truncated: true }]);
    expect(bench.lines.partialLines).toBe(0);
  });
});

describe("limits", () => {
  test("a line that is too long is cut once, and the next one is whole", () => {
    const bench = new Bench();
    for (let piece = 0; piece < 9; piece++) bench.write({ text: "x".repeat(10_000) });
    bench.write({ text: "end\nnext\n" });
    expect(bench.seen.map((line) => [line.text.length, line.truncated])).toEqual([
      [limits.logLineBytesMax, true],
      [4, undefined],
    ]);
    expect(bench.drops.get("log_line_truncated")).toBe(1);
  });

  test("a line that is too long in one write", () => {
    const bench = new Bench().write({ text: `${"x".repeat(limits.logLineBytesMax + 1)}\n` });
    expect(bench.seen.map((line) => [line.text.length, line.truncated])).toEqual([
      [limits.logLineBytesMax, true],
    ]);
  });

  test("too many unfinished lines: the oldest are emitted and counted", () => {
    const bench = new Bench();
    for (let tid = 1; tid <= limits.logPartialLinesMax + 2; tid++)
      bench.write({ text: `t${tid}`, tid });
    const evicted = Array.from({ length: limits.evictedAtOnce }, (_, index) => `t${index + 1}`);
    expect(bench.texts()).toEqual(evicted);
    expect(bench.drops.get("log_partial_limit")).toBe(evicted.length);
    expect(bench.lines.partialLines).toBe(limits.logPartialLinesMax + 2 - evicted.length);
  });

  test("too many unfinished bytes", () => {
    const bench = new Bench();
    const text = "x".repeat(16_383);
    for (let tid = 1; tid <= 2_000; tid++) bench.write({ text, tid });
    expect(bench.lines.partialBytes).toBeLessThanOrEqual(limits.logPartialBytesMax);
    expect(bench.seen.length + bench.lines.partialLines).toBe(2_000);
    expect(bench.drops.get("log_partial_limit")).toBe(bench.seen.length);
  });
});

describe("ends", () => {
  test("an unfinished line waits logPartialNsMax from its first byte", () => {
    const bench = new Bench();
    bench.write({ text: "a", tid: 1, timeNs: 1e9 }).write({ text: "b", tid: 2, timeNs: 1.5e9 });
    bench.write({ text: "a", tid: 1, timeNs: 1.9e9 });
    bench.lines.expire(1e9 + limits.logPartialNsMax - 1, bench.take);
    expect(bench.texts()).toEqual([]);
    bench.lines.expire(1e9 + limits.logPartialNsMax, bench.take);
    expect(bench.texts()).toEqual(["aa"]);
    expect(bench.lines.partialLines).toBe(1);
  });

  test("close emits the descriptor's lines, a process's end all of its", () => {
    const bench = new Bench();
    bench.write({ text: "a", fd: 7 }).write({ text: "b", fd: 8 });
    bench.write({ text: "c", fd: 7, processId: 2 });
    bench.lines.closed(1, 7, bench.take);
    bench.lines.closed(9, 7, bench.take);
    expect(bench.texts()).toEqual(["a"]);
    bench.lines.processEnded(1, bench.take);
    bench.lines.processEnded(1, bench.take);
    expect(bench.texts()).toEqual(["a", "b"]);
    bench.lines.flush(bench.take);
    expect(bench.texts()).toEqual(["a", "b", "c"]);
    expect([bench.lines.partialLines, bench.lines.partialBytes]).toEqual([0, 0]);
  });
});

describe("flushes of full stdio buffers", () => {
  test("any thread continues the line, and nobody's context is taken for it", () => {
    const bench = new Bench();
    const line = `${"x".repeat(99)}\n`;
    const head = line.repeat(41).slice(0, 4_096);
    bench.write({ text: head, tid: 1 }).write({ text: `${"y".repeat(10)}\nz\n`, tid: 2 });
    expect(bench.seen.slice(-2)).toEqual([
      { text: `${"x".repeat(96)}${"y".repeat(10)}`, origin: "o", buffered: true },
      { text: "z", origin: "o" },
    ]);
  });
});
