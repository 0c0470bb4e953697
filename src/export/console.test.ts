import { describe, expect, test } from "bun:test";
import { logText, traceText, type View } from "./console/layout.ts";
import { painter } from "./console/paint.ts";
import { contextOf, logOf, pricing, shopTrace, spanOf } from "./console/test-trace.ts";
import { widthOf } from "./console/text.ts";
import { createExporter } from "./exporter.ts";
import { fakeClock, processOf, randomLog, randomSpan, seededRandom } from "./otlp/test-data.ts";
import { testContext } from "./test-context.ts";

function viewOf(columns: number, colour = false): View {
  return { columns, paint: painter(colour), offset: fakeClock().unixOffset() };
}

/** Times are local: the tests state what they are in UTC, as `bun test` sets it. */
test("the time zone of the tests is UTC", () => {
  expect(new Date(0).getTimezoneOffset()).toBe(0);
});

function shopText(columns: number, colour = false): string {
  const { spans, logs } = shopTrace();
  return traceText(spans, logs, viewOf(columns, colour));
}

describe("a trace", () => {
  test("as wide as it needs to be", () => {
    expect(shopText(Number.POSITIVE_INFINITY)).toBe(`\
12:00:05.000  trace a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1             4 spans, 12.4 ms
shop     GET /orders/42                                              200  12.4 ms
         │  INFO   order 42 requested
shop     ├─ → postgresql SELECT * FROM orders WHERE id = $1 (1 row)        800 µs
shop     └─ → GET http://pricing:8081/price?sku=42                   503  7.25 ms
pricing     └─ GET /price?sku=42                                     503  7.00 ms
                  ERROR  no stock sku=42
               ✗ pricing is down
            WARN   price of 42 unknown
                   using the last one\\x1b[31m

`);
  });

  test("in 60 columns", () => {
    expect(shopText(60)).toBe(`\
12:00:05.000  trace a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
shop     GET /orders/42                         200  12.4 ms
         │  INFO   order 42 requested
shop     ├─ → postgresql SELECT * FROM orders…        800 µs
shop     └─ → GET http://pricing:8081/price?s…  503  7.25 ms
pricing     └─ GET /price?sku=42                503  7.00 ms
                  ERROR  no stock sku=42
               ✗ pricing is down
            WARN   price of 42 unknown
                   using the last one\\x1b[31m

`);
  });

  test("in 40 columns, without the services", () => {
    expect(shopText(40)).toBe(`\
12:00:05.000  trace a1a1a1a1a1a1a1a1a1a…
GET /orders/42              200  12.4 ms
│  INFO   order 42 requested
├─ → postgresql SELECT * …        800 µs
└─ → GET http://pricing:8…  503  7.25 ms
   └─ GET /price?sku=42     503  7.00 ms
         ERROR  no stock sku=42
      ✗ pricing is down
   WARN   price of 42 unknown
          using the last one\\x1b[31m

`);
  });

  test("colours change nothing but colours", () => {
    const coloured = shopText(80, true);
    expect(coloured).toContain("\x1b[31m");
    expect(Bun.stripANSI(coloured)).toBe(shopText(80));
  });

  test("of log lines only says so", () => {
    const context = contextOf(1, undefined);
    const logs = [logOf("one", { context }), logOf("two", { context, atMs: 1, process: pricing })];
    expect(traceText([], logs, viewOf(80))).toBe(`\
12:00:05.000  trace a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1  2 log records
shop     INFO   one
pricing  INFO   two

`);
  });
});

describe("what a line says of a span", () => {
  const cases: [string, Parameters<typeof spanOf>[1], RegExp][] = [
    [
      "an unknown method as it was sent",
      {
        attributes: [
          ["http.request.method", "_OTHER"],
          ["http.request.method_original", "PURGE"],
          ["url.path", "/x"],
        ],
      },
      /PURGE \/x/,
    ],
    [
      "no response, and why",
      {
        failed: true,
        attributes: [
          ["http.request.method", "GET"],
          ["url.path", "/"],
          ["error.type", "timeout"],
        ],
      },
      /GET \/ +timeout/,
    ],
    [
      "an exchange that was cut",
      {
        attributes: [
          ["http.request.method", "GET"],
          ["http.response.status_code", 200],
          ["olly.exchange.outcome", "truncated"],
        ],
      },
      /GET +200 truncated/,
    ],
    [
      "a failed query",
      {
        failed: true,
        kind: 3,
        attributes: [
          ["db.system.name", "postgresql"],
          ["db.query.summary", "SELECT x"],
          ["db.response.status_code", "42P01"],
          ["error.type", "42P01"],
        ],
      },
      /→ postgresql SELECT x +42P01/,
    ],
    ["an error without a name", { failed: true, name: "job" }, /job +error/],
    [
      "an escape sequence in a path",
      {
        attributes: [
          ["http.request.method", "GET"],
          ["url.path", "/\x1b[2J"],
        ],
      },
      /GET \/\\x1b\[2J/,
    ],
  ];
  for (const [name, options, pattern] of cases) {
    test(name, () => {
      expect(traceText([spanOf(contextOf(1, undefined), options)], [], viewOf(100))).toMatch(
        pattern,
      );
    });
  }
});

describe("log lines on their own", () => {
  const cases: [string, Parameters<typeof logOf>[1], string][] = [
    ["hello", {}, "12:00:05.000  shop      INFO   hello\n"],
    [
      "hello",
      { severityNumber: 0, severityText: "notice" },
      "12:00:05.000  shop      noti…  hello\n",
    ],
    [
      "hello",
      { severityNumber: 0, severityText: undefined },
      "12:00:05.000  shop             hello\n",
    ],
    ["a\x07b", { severityNumber: 24 }, "12:00:05.000  shop      FATAL  a\\x07b\n"],
    ["", {}, "12:00:05.000  shop      INFO   \n"],
  ];
  for (const [body, more, expected] of cases) {
    test(JSON.stringify([body, more]), () => {
      expect(logText(logOf(body, more), 8, viewOf(80))).toBe(expected);
    });
  }

  test("a long body is cut at the edge, a tall one after twenty lines", () => {
    expect(logText(logOf("x".repeat(500)), 4, viewOf(40))).toBe(`INFO   ${"x".repeat(32)}…\n`);
    const tall = logText(logOf("line\n".repeat(30)), 4, viewOf(60))
      .trimEnd()
      .split("\n");
    expect(tall).toHaveLength(21);
    expect(tall.at(-1)?.trim()).toBe("… 10 more lines");
  });
});

test("whatever is printed fits the terminal and moves no cursor", () => {
  const random = seededRandom(21);
  const processes = [
    processOf(1, "shop"),
    processOf(2, "\x1b[31mgröße日本"),
    processOf(3, "x".repeat(90)),
  ];
  for (let columns = 1; columns <= 130; columns += 3) {
    const process = processes[columns % 3] ?? pricing;
    const spans = Array.from({ length: 8 }, () => {
      const span = randomSpan(random, process);
      const context = contextOf(Math.floor(random() * 9), Math.floor(random() * 9));
      return { ...span, context, startNs: 1e9, endNs: 1e9 + random() * 1e11 };
    });
    const logs = Array.from({ length: 8 }, () => ({
      ...randomLog(random, process),
      observedNs: 1e9,
      context: contextOf(Math.floor(random() * 9), undefined),
      body: `\t\x1b]0;title\x07${"wörd ".repeat(random() * 40)}\r\nnext`,
    }));
    const lone = logs.map((log) => logText(log, 8, viewOf(columns))).join("");
    for (const line of (traceText(spans, logs, viewOf(columns)) + lone).split("\n")) {
      expect(widthOf(line)).toBeLessThanOrEqual(columns);
      expect(line).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    }
  }
});

describe("the destination", () => {
  function setUp() {
    let text = "";
    const write = (more: string) => {
      text += more;
    };
    const context = testContext();
    const console = { format: "pretty", colour: false, columns: 100, write } as const;
    return { exporter: createExporter({ console }, context), context, printed: () => text };
  }

  test("shows lines outside traces at once and a trace when it is complete", () => {
    const { exporter, context, printed } = setUp();
    const { spans, logs } = shopTrace();
    exporter.addLog(logOf("listening"));
    expect(printed()).toBe("12:00:05.000  shop  INFO   listening\n");
    for (const log of logs) exporter.addLog(log);
    for (const span of spans) exporter.addSpan(span);
    exporter.tick(context.clock.nowNs + 100e6);
    expect(printed()).not.toContain("trace a1a1");
    expect(exporter.status()).toMatchObject([{ queued: 7, exportedLogs: 1 }]);
    exporter.tick(context.clock.nowNs + 400e6);
    expect(printed()).toEndWith(shopText(100));
    expect(exporter.status()).toMatchObject([
      { name: "console", state: "ok", queued: 0, exportedSpans: 4, exportedLogs: 4 },
    ]);
  });

  test("flush shows what is left", async () => {
    const { exporter, printed } = setUp();
    exporter.addSpan(spanOf(contextOf(2, 1), { name: "left" }));
    await exporter.flush(0);
    expect(printed()).toContain("left");
  });

  test("a writer that throws is counted", async () => {
    const context = testContext();
    const write = () => {
      throw new Error("EPIPE");
    };
    const exporter = createExporter(
      { console: { format: "pretty", colour: false, columns: 0, write } },
      context,
    );
    exporter.addLog(logOf("x"));
    exporter.addSpan(spanOf(contextOf(1, undefined)));
    await exporter.flush(0);
    expect(exporter.status()).toMatchObject([
      { state: "failed", failedLogs: 1, failedSpans: 1, lastError: "cannot write: EPIPE" },
    ]);
    expect(context.drops.entries()).toEqual([
      ["span_export_failed", 1],
      ["log_export_failed", 1],
    ]);
  });
});
