import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "./config-error.ts";
import { type LoadOptions, loadConfig, mergeSettings } from "./load.ts";
import { configKeys, type Layer, printableSettings } from "./schema.ts";

const directory = mkdtempSync(join(tmpdir(), "olly-config-"));
afterAll(() => rmSync(directory, { recursive: true }));
let files = 0;

const base: LoadOptions = {
  environment: {},
  uid: 1000,
  workingDirectory: "/home/ada",
  fallback: "otlp",
};

function fileWith(content: string): string {
  const path = join(directory, `${files++}.yaml`);
  writeFileSync(path, content);
  return path;
}

function problemsOf(options: Partial<LoadOptions>): readonly string[] {
  try {
    loadConfig({ ...base, ...options });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

describe("a file with problems", () => {
  const cases: [what: string, content: string, problems: string[]][] = [
    ["nothing", "", []],
    ["an empty section", "hook:\nlog_level: debug\n", []],
    [
      "a misspelt key",
      "hook:\n  socket_pth: /a\n",
      ["2: hook.socket_pth: unknown key, did you mean socket_path?"],
    ],
    ["a misspelt section", "hok:\n  debug: true\n", ["1: hok: unknown key, did you mean hook?"]],
    [
      "a key in the wrong place",
      "socket_path: /a\n",
      ["1: socket_path: unknown key, did you mean hook.socket_path?"],
    ],
    [
      "a key nobody knows",
      "exporters:\n  zipkin: {}\n",
      ["2: exporters.zipkin: unknown key; known are otlp, stdout, file"],
    ],
    [
      "a protocol nobody knows",
      "tracing:\n  protocols:\n    postgres: {enabled: false}\n",
      ["3: tracing.protocols.postgres: unknown key, did you mean postgresql?"],
    ],
    [
      "a later signal",
      "metrics:\n  enabled: true\n",
      ["1: metrics: is not supported by this version"],
    ],
    [
      "a text for a switch",
      "hook: {enabled: yes}\n",
      ['1: hook.enabled: expects true or false, got the text "yes"'],
    ],
    ["a number for a text", "service_name: 12\n", ["1: service_name: expects a text, got 12"]],
    ["nothing for a text", "service_name:\n", ["1: service_name: expects a text, got nothing"]],
    [
      "a text for a section",
      "hook: on\n",
      ['1: hook: expects a mapping of keys, got the text "on"'],
    ],
    ["a list for the whole", "- a\n", ["1: the file: expects a mapping of keys, got a list"]],
    [
      "another level",
      "log_level: trace\n",
      ['1: log_level: expects one of debug, info, warn, error, got the text "trace"'],
    ],
    ["a key twice", "log_level: info\nlog_level: warn\n", ["2: Map keys must be unique"]],
    [
      "broken YAML",
      "hook: [\n",
      ["2: Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ],
    [
      "a number for a duration",
      "exporters: {otlp: {timeout: 10}}\n",
      ["1: exporters.otlp.timeout: expects a duration up to an hour, such as 10s or 500ms, got 10"],
    ],
    [
      "a duration beyond reason",
      "exporters: {otlp: {timeout: 61m}}\n",
      [
        '1: exporters.otlp.timeout: expects a duration up to an hour, such as 10s or 500ms, got the text "61m"',
      ],
    ],
    [
      "another scheme",
      "exporters: {otlp: {endpoint: 'ftp://a'}}\n",
      [
        '1: exporters.otlp.endpoint: expects a URL such as http://localhost:4317, got the text "ftp://a"',
      ],
    ],
    [
      "a password in a URL",
      "exporters: {otlp: {endpoint: 'http://a:secret@b'}}\n",
      [
        "1: exporters.otlp.endpoint: must not hold a user or password; put credentials into the headers",
      ],
    ],
    [
      "a header with a line break",
      'exporters:\n  otlp:\n    headers:\n      a: "b\\nc"\n',
      ["4: exporters.otlp.headers: has a header whose value is not printable ASCII text: a"],
    ],
    [
      "a file without a path",
      "exporters: {file: {enabled: true}}\n",
      ["exporters.file.path: is needed because exporters.file.enabled is true"],
    ],
    [
      "a socket path too long",
      `hook: {socket_path: /${"x".repeat(120)}}\n`,
      [`1: hook.socket_path: is 14 bytes too long for a Unix socket: /${"x".repeat(59)}…`],
    ],
    [
      "three at once",
      "log_level: loud\nhook:\n  nabled: true\n  debug: 1\n",
      [
        '1: log_level: expects one of debug, info, warn, error, got the text "loud"',
        "3: hook.nabled: unknown key, did you mean enabled?",
        "4: hook.debug: expects true or false, got 1",
      ],
    ],
  ];
  test.each(cases)("%s", (_, content, problems) => {
    const file = fileWith(content);
    const located = problems.map((one) => (/^\d+:/.test(one) ? `${file}:${one}` : one));
    expect(problemsOf({ file })).toEqual(located);
  });

  test("that cannot be read", () => {
    expect(problemsOf({ file: "/nowhere/olly.yaml" })).toEqual([
      "/nowhere/olly.yaml: cannot be read: no such file or directory",
    ]);
    expect(problemsOf({ file: directory })).toEqual([
      `${directory}: cannot be read: it is not a file`,
    ]);
  });

  test("that expands without end", () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const items =
        level === 0
          ? "x, x"
          : Array(9)
              .fill(`*a${level - 1}`)
              .join(", ");
      return `a${level}: &a${level} [${items}]`;
    });
    const problems = problemsOf({ file: fileWith(`${levels.join("\n")}\nhook: *a11\n`) });
    expect(problems.at(-1)).toContain("Excessive alias count");
  });
});

describe("precedence", () => {
  const layers: Layer[] = [
    { service_name: "file", log_level: "warn" },
    { service_name: "environment" },
    { "hook.debug": true },
  ];
  test("later layers win, key by key, over the defaults", () => {
    const settings = mergeSettings(layers);
    expect(settings.service_name).toBe("environment");
    expect(settings.log_level).toBe("warn");
    expect(settings["hook.debug"]).toBe(true);
    expect(settings["exporters.otlp.timeout"]).toBe(configKeys["exporters.otlp.timeout"].initial);
  });

  test("defaults < files < environment < flags", () => {
    const file = fileWith("service_name: file\nlog_level: warn\nhook: {socket_path: /f/s}\n");
    const names = [
      loadConfig({ ...base, defaults: { service_name: "default" } }),
      loadConfig({ ...base, defaults: { service_name: "default" }, file }),
      loadConfig({ ...base, file, environment: { OTEL_SERVICE_NAME: "environment" } }),
      loadConfig({
        ...base,
        file,
        environment: { OTEL_SERVICE_NAME: "environment" },
        flags: { service_name: "flag" },
      }),
    ].map((loaded) => loaded.config.serviceName);
    expect(names).toEqual(["default", "file", "environment", "flag"]);
  });

  test("the files of a directory, in their order", () => {
    const several = mkdtempSync(join(directory, "several-"));
    writeFileSync(join(several, "logs.yaml"), "service_name: logs\n");
    writeFileSync(join(several, "base.yaml"), "service_name: base\nhook: {debug: true}\n");
    writeFileSync(join(several, "other.yaml"), "service_name: other\n");
    const { config, files: read } = loadConfig({ ...base, directory: several });
    expect(config.serviceName).toBe("logs");
    expect(config.hook.debug).toBe(true);
    expect(read).toEqual([join(several, "base.yaml"), join(several, "logs.yaml")]);
  });

  test("a directory with none of them is a problem", () => {
    const empty = mkdtempSync(join(directory, "empty-"));
    const names = "base.yaml, traces.yaml, metrics.yaml, logs.yaml, profiles.yaml";
    expect(problemsOf({ directory: empty })).toEqual([`${empty}: holds none of ${names}`]);
  });

  test("file and directory together are a problem", () => {
    expect(problemsOf({ file: "a", directory: "b" })).toEqual([
      "--config and --config-dir cannot be used together",
    ]);
  });
});

describe("exporters", () => {
  type Enabled = { otlp: boolean; stdout: boolean; file: boolean };
  const none = { otlp: false, stdout: false, file: false };
  const cases: [content: string, fallback: "otlp" | "stdout" | "none", enabled: Enabled][] = [
    ["", "otlp", { ...none, otlp: true }],
    ["", "stdout", { ...none, stdout: true }],
    ["", "none", none],
    ["otlp: {endpoint: 'localhost:4317'}", "stdout", { ...none, otlp: true }],
    ["otlp: {enabled: true}", "stdout", { ...none, otlp: true }],
    ["otlp: {enabled: false}", "otlp", none],
    ["otlp: {enabled: false, endpoint: 'http://a:1'}", "otlp", none],
    ["file: {path: a.jsonl}", "otlp", { ...none, file: true }],
    ["file: {path: a.jsonl, enabled: false}", "otlp", none],
    ["stdout: {enabled: true}", "otlp", { ...none, stdout: true }],
  ];
  test.each(cases)("%p with %p to fall back on", (content, fallback, enabled) => {
    const file = fileWith(content === "" ? "" : `exporters: {${content}}\n`);
    const { otlp, stdout, file: output } = loadConfig({ ...base, file, fallback }).config.exporters;
    expect({ otlp: otlp.enabled, stdout: stdout.enabled, file: output.enabled }).toEqual(enabled);
  });

  test("paths become absolute", () => {
    const file = fileWith("exporters: {file: {path: a.jsonl}}\nhook: {socket_path: s/h.sock}\n");
    const { config } = loadConfig({ ...base, file });
    expect(config.exporters.file.path).toBe("/home/ada/a.jsonl");
    expect(config.hook.socketPath).toBe("/home/ada/s/h.sock");
  });

  test("a relative socket path that grows too long is a problem", () => {
    const file = fileWith("hook: {socket_path: h.sock}\n");
    const problems = problemsOf({ file, workingDirectory: `/${"y".repeat(100)}` });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("bytes too long");
  });
});

describe("what is printed", () => {
  test("never shows a header's value", () => {
    const { settings } = loadConfig({
      ...base,
      environment: { OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20hunter2" },
    });
    expect(settings["exporters.otlp.headers"]).toEqual({ authorization: "Bearer hunter2" });
    const printed = JSON.stringify(printableSettings(settings));
    expect(printed).toContain('"exporters.otlp.headers":{"authorization":"****"}');
    expect(printed).not.toContain("hunter2");
  });

  test("a wrong header value is not repeated", () => {
    const file = fileWith("exporters: {otlp: {headers: 'authorization=hunter2'}}\n");
    expect(problemsOf({ file }).join()).not.toContain("hunter2");
  });
});

describe("the examples", () => {
  const examples = join(import.meta.dir, "../../configs");
  test("olly.yaml", () => {
    expect(problemsOf({ file: join(examples, "olly.yaml") })).toEqual([]);
  });
  test("the directory", () => {
    expect(problemsOf({ directory: examples })).toEqual([]);
  });
  test("name every key", async () => {
    const example = await Bun.file(join(examples, "olly.yaml")).text();
    for (const path of Object.keys(configKeys)) {
      if (path === "exporters.file.enabled") continue; // follows from the path
      expect(example).toContain(`${path.split(".").at(-1)}:`);
    }
  });
});
