import { expect, test } from "bun:test";
import { limits } from "../limits.ts";
import type { AttributeValue } from "../model/attributes.ts";
import { parseLogLine } from "./log-format.ts";

interface Expected {
  /** Default: the whole line. */
  readonly body?: string;
  readonly severity: number;
  readonly text?: string;
  /** ISO time that the line states. */
  readonly time?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

type Case = readonly [line: string, expected: Expected];

const plain: readonly Case[] = [
  ["hello world", { severity: 0 }],
  ["no error found", { severity: 0 }],
  ["finished without ERROR", { severity: 0 }],
  ["the INFO desk is closed", { severity: 0 }],
  ["terror: x", { severity: 0 }],
  ["errors: 0", { severity: 0 }],
  ["3 ERROR lines", { severity: 0 }],
  ["GET /ERROR/ 200", { severity: 0 }],
  ["config: loaded", { severity: 0 }],
  ["ERROR_COUNT=3 seen", { severity: 0 }],
  ["DEBUG=1 node app.js", { severity: 0 }],
  ["INFO:root:listening", { severity: 9, text: "INFO" }],
  ["WARNING:app.db:slow", { severity: 13, text: "WARNING" }],
  ["CRITICAL:root:gone", { severity: 21, text: "CRITICAL" }],
  ["INFO:     Uvicorn running", { severity: 9, text: "INFO" }],
  ["ERROR", { severity: 17, text: "ERROR" }],
  ["2026-01-02 03:04:05,123 ERROR mod: failed", { severity: 17, text: "ERROR" }],
  ["2026-01-02 03:04:05,123 - mod - WARNING - slow", { severity: 13, text: "WARNING" }],
  ["2026-01-02 03:04:05.123 [main] DEBUG c.e.App - x", { severity: 5, text: "DEBUG" }],
  ["03:04:05.123 [main] INFO  c.e.App - x", { severity: 9, text: "INFO" }],
  ["0    [main] FATAL c.e.App - x", { severity: 21, text: "FATAL" }],
  [
    "2026-01-02T03:04:05.123Z  WARN 12 --- [main] c.e.App : x",
    { severity: 13, text: "WARN", time: "2026-01-02T03:04:05.123Z" },
  ],
  [
    "2026-01-02T03:04:05.123+0100\tinfo\tapp/main.go:12\tx",
    { severity: 9, text: "info", time: "2026-01-02T02:04:05.123Z" },
  ],
  [
    "[2026-01-02 03:04:05 +0000] [12] [INFO] Booting worker",
    { severity: 9, text: "INFO", time: "2026-01-02T03:04:05Z" },
  ],
  ["[2026-01-02 03:04:05,123: ERROR/MainProcess] x", { severity: 17, text: "ERROR" }],
  ["INFO[0000] listening", { severity: 9, text: "INFO" }],
  ["[INFO ] started", { severity: 9, text: "INFO" }],
  ["[ warn ] careful", { severity: 0 }],
  ["[warn] careful", { severity: 13, text: "warn" }],
  ["error: file not found", { severity: 17, text: "error" }],
  ["Error: Cannot find module 'x'", { severity: 17, text: "Error" }],
  ["warning: unused variable", { severity: 13, text: "warning" }],
  ["main.c:3:5: warning: unused", { severity: 13, text: "warning" }],
  ["panic: runtime error: index out of range", { severity: 21, text: "panic" }],
  ["fail: App.Worker[0]", { severity: 17, text: "fail" }],
  ["info: Microsoft.Hosting.Lifetime[14]", { severity: 9, text: "info" }],
  ["2026-01-02 03:04:05 - info: started", { severity: 9, text: "info" }],
  ["PHP Warning:  Undefined variable $x in a.php on line 3", { severity: 13, text: "Warning" }],
  ["SEVERE: not started", { severity: 17, text: "SEVERE" }],
  ["E0102 03:04:05.678901   12 main.go:7] failed", { severity: 17, text: "E" }],
  ["I0102 03:04:05.678901   12 main.go:7] fine", { severity: 9, text: "I" }],
  ["E0102 is a part number", { severity: 0 }],
  ["I, [2026-01-02T03:04:05.678901 #12]  INFO -- : x", { severity: 9, text: "I" }],
  ["A, [2026-01-02T03:04:05.678901 #12]   ANY -- : x", { severity: 0 }],
  ["12:M 02 Jan 2026 03:04:05.678 # Server started", { severity: 13, text: "#" }],
  ["12:M 02 Jan 2026 03:04:05.678 * Ready", { severity: 9, text: "*" }],
  ["2026/01/02 03:04:05 listening", { severity: 0 }],
  ["2026/01/02 03:04:05 [error] 123#0: *1 open() failed", { severity: 17, text: "error" }],
  ["2026/01/02 03:04:05 [notice] 123#0: start", { severity: 10, text: "notice" }],
  ["[Fri Jan 02 03:04:05.6 2026] [core:crit] [pid 1] AH0001: x", { severity: 18, text: "crit" }],
  ["2026-01-02 03:04:05.123 CET [12] LOG:  ready", { severity: 9, text: "LOG" }],
  [
    "2026-01-02 03:04:05.123 UTC [12] ERROR:  syntax error at or near",
    { severity: 17, text: "ERROR", time: "2026-01-02T03:04:05.123Z" },
  ],
  ["2026-01-02 03:04:05.123 CET [12] FATAL:  no", { severity: 21, text: "FATAL" }],
  ["2026-01-02 03:04:05.123 CET [12] STATEMENT:  SELECT 'ERROR: '", { severity: 0 }],
  ["2026-01-02 03:04:05 0 [Note] mariadbd: ready", { severity: 0 }],
  ["2026-01-02 03:04:05 0 [ERROR] mariadbd: no", { severity: 17, text: "ERROR" }],
  [
    '127.0.0.1 - - [02/Jan/2026:03:04:05 +0200] "GET / HTTP/1.1" 200 612 "-" "curl/8"',
    { severity: 0, time: "2026-01-02T01:04:05Z" },
  ],
  ['127.0.0.1 - - [02/Jan/2026 03:04:05] "GET / HTTP/1.1" 200 -', { severity: 0 }],
  ["2026-02-30T03:04:05Z x", { severity: 0 }],
  ["2026-01-02 03:04:05 -12 items", { severity: 0 }],
  ["ERROR:root:no\nTraceback (most recent call last):\n  x", { severity: 17, text: "ERROR" }],
  ["first\nERROR: second", { severity: 0 }],
];

const json: readonly Case[] = [
  [
    '{"level":30,"time":1767323045123,"pid":7,"hostname":"h","msg":"hi"}',
    {
      body: "hi",
      severity: 9,
      text: "30",
      time: "2026-01-02T03:04:05.123Z",
      attributes: { pid: 7, hostname: "h" },
    },
  ],
  [
    '{"level":"error","ts":1767323045.5,"caller":"a.go:1","msg":"no","ok":false,"none":null}',
    {
      body: "no",
      severity: 17,
      text: "error",
      time: "2026-01-02T03:04:05.5Z",
      attributes: { caller: "a.go:1", ok: false },
    },
  ],
  [
    '{"timestamp":"2026-01-02T03:04:05+01:00","severity":"WARNING","message":"x","trace_id":"ab"}',
    {
      body: "x",
      severity: 13,
      text: "WARNING",
      time: "2026-01-02T02:04:05Z",
      attributes: { trace_id: "ab" },
    },
  ],
  [
    '{"time":"2026-01-02T03:04:05","levelname":"INFO","event":"started","http":{"req":{"n":1.5}}}',
    {
      body: "started",
      severity: 9,
      text: "INFO",
      attributes: { time: "2026-01-02T03:04:05", "http.req.n": 1.5 },
    },
  ],
  [
    '{"version":"1.1","host":"h","short_message":"x","timestamp":1767323045,"level":3}',
    {
      body: "x",
      severity: 17,
      text: "3",
      time: "2026-01-02T03:04:05Z",
      attributes: { version: "1.1", host: "h" },
    },
  ],
  [
    '{"t":{"$date":"2026-01-02T03:04:05.123+00:00"},"s":"W","c":"NET","id":7,"msg":"x"}',
    {
      body: "x",
      severity: 13,
      text: "W",
      time: "2026-01-02T03:04:05.123Z",
      attributes: { c: "NET", id: 7 },
    },
  ],
  [
    '{"a":{"b":{"c":{"d":{"e":{"f":1}}}}},"list":["x","y"],"mixed":[1,"x"]}',
    {
      severity: 0,
      attributes: { "a.b.c.d.e": '{"f":1}', list: ["x", "y"], mixed: '[1,"x"]' },
    },
  ],
  [
    '{"log":"from docker\\n","stream":"stdout"}',
    {
      body: "from docker",
      severity: 0,
      attributes: { stream: "stdout" },
    },
  ],
  [
    '{"a.b":1,"a":{"b":2},"level":"odd"}',
    {
      severity: 0,
      text: "odd",
      attributes: { "a.b": 1 },
    },
  ],
  ['{"msg":"cut', { severity: 0 }],
  ["{not json}", { severity: 0 }],
  [`{"a":${"[".repeat(70)}${"]".repeat(70)}}`, { severity: 0 }],
  [
    `{"msg":"${"[".repeat(70)} \\" {","list":[]}`,
    { body: `${"[".repeat(70)} " {`, severity: 0, attributes: { list: "[]" } },
  ],
];

const logfmt: readonly Case[] = [
  [
    'time=2026-01-02T03:04:05.123Z level=INFO msg="hello \\"you\\"" n=3 empty=',
    {
      body: 'hello "you"',
      severity: 9,
      text: "INFO",
      time: "2026-01-02T03:04:05.123Z",
      attributes: { n: "3" },
    },
  ],
  [
    "level=warn msg=slow took=3ms",
    {
      body: "slow",
      severity: 13,
      text: "warn",
      attributes: { took: "3ms" },
    },
  ],
  [
    "ts=1767323045 lvl=eror a=b",
    {
      severity: 0,
      text: "eror",
      time: "2026-01-02T03:04:05Z",
      attributes: { a: "b" },
    },
  ],
  ["a=b c=d", { severity: 0 }],
  ["level=info", { severity: 0 }],
  ["level=info and words", { severity: 0 }],
  ['level=info msg="open', { severity: 0 }],
  ["=a level=info msg=x", { severity: 0 }],
];

const syslog: readonly Case[] = [
  [
    '<165>1 2026-01-02T03:04:05.003Z host app 12 ID47 [ex@1 a="x\\"y" b="2"][o t="\\]"] hi',
    {
      body: "hi",
      severity: 10,
      text: "notice",
      time: "2026-01-02T03:04:05.003Z",
      attributes: {
        "syslog.hostname": "host",
        "syslog.appname": "app",
        "syslog.procid": "12",
        "syslog.msgid": "ID47",
        "syslog.structured_data.ex@1.a": 'x"y',
        "syslog.structured_data.ex@1.b": "2",
        "syslog.structured_data.o.t": "]",
        "syslog.facility": 20,
      },
    },
  ],
  [
    "<11>1 - - - - - - no",
    { body: "no", severity: 17, text: "err", attributes: { "syslog.facility": 1 } },
  ],
  [
    "<34>Oct  1 22:14:15 mymachine su: failed",
    {
      body: "failed",
      severity: 18,
      text: "crit",
      attributes: { "syslog.hostname": "mymachine", "syslog.appname": "su", "syslog.facility": 4 },
    },
  ],
  [
    "<13>Jan 12 03:04:05 app[12]: local",
    {
      body: "local",
      severity: 10,
      text: "notice",
      attributes: { "syslog.appname": "app", "syslog.procid": "12", "syslog.facility": 1 },
    },
  ],
  [
    "Jan  2 03:04:05 host app[12]: ERROR: x",
    {
      body: "ERROR: x",
      severity: 17,
      text: "ERROR",
      attributes: { "syslog.hostname": "host", "syslog.appname": "app", "syslog.procid": "12" },
    },
  ],
  [
    "<4>careful",
    { body: "careful", severity: 13, text: "warning", attributes: { "syslog.facility": 0 } },
  ],
  ["<14>", { severity: 9, text: "info", attributes: { "syslog.facility": 1 } }],
  ["<999>x", { severity: 0 }],
  ["<b>bold</b>", { severity: 0 }],
  ["<", { severity: 0 }],
  ["Jan is a month", { severity: 0 }],
];

const groups: readonly (readonly [string, readonly Case[]])[] = [
  ["plain", plain],
  ["json", json],
  ["logfmt", logfmt],
  ["syslog", syslog],
];

for (const [group, cases] of groups) {
  for (const [line, expected] of cases) {
    test(`${group}: ${line.slice(0, 90)}`, () => {
      const parsed = parseLogLine(line);
      const time = expected.time === undefined ? undefined : BigInt(Date.parse(expected.time));
      expect({
        body: parsed.body,
        severity: parsed.severityNumber,
        text: parsed.severityText,
        time: parsed.unixTimeNs,
        attributes: Object.fromEntries(parsed.attributes),
      }).toEqual({
        body: expected.body ?? line,
        severity: expected.severity,
        text: expected.text,
        time: time === undefined ? undefined : time * 1_000_000n,
        attributes: { ...expected.attributes },
      });
    });
  }
}

test("fields beyond the limits are cut and counted", () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`k${index}`, index]));
  const fields = parseLogLine(JSON.stringify({ long: "x".repeat(5_000), ...many }));
  expect(fields.attributes.length).toBe(limits.attributesMax);
  expect(fields.attributes[0]).toEqual(["long", "x".repeat(limits.logAttributeCharsMax)]);
  expect(fields.attributesCut).toBe(200 - (limits.attributesMax - 1) + 1);
});

test("a nested object beyond the attribute limit stops being walked", () => {
  const wide = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, index) => [`k${index}`, index]),
  );
  const fields = parseLogLine(JSON.stringify({ wide }));
  expect(fields.attributes.length).toBe(limits.attributesMax);
  expect(fields.attributesCut).toBe(1);
});
