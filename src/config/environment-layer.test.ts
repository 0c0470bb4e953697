import { describe, expect, test } from "bun:test";
import { type Environment, environmentLayer, variableOf } from "./environment-layer.ts";
import type { Layer } from "./schema.ts";

describe("variables", () => {
  const cases: [environment: Environment, layer: Layer][] = [
    [{}, {}],
    [{ OTEL_SERVICE_NAME: "shop" }, { service_name: "shop" }],
    [{ OTEL_SERVICE_NAME: "" }, {}],
    [{ OTEL_SERVICE_NAME: "otel", OLLY_SERVICE_NAME: "own" }, { service_name: "own" }],
    [{ OTEL_RESOURCE_ATTRIBUTES: "service.name=a" }, { service_name: "a" }],
    [{ OTEL_RESOURCE_ATTRIBUTES: "service.name=a", OTEL_SERVICE_NAME: "b" }, { service_name: "b" }],
    [{ OLLY_SOCKET: "/a/b" }, { "hook.socket_path": "/a/b" }],
    [{ OLLY_HOOK_SOCKET_PATH: "/a/b" }, { "hook.socket_path": "/a/b" }],
    [{ OLLY_LOG_LEVEL: "DEBUG" }, { log_level: "debug" }],
    [{ OLLY_DEBUG: "1" }, { "hook.debug": true }],
    [{ OLLY_HOOK_LOG_CAPTURE: "False" }, { "hook.log_capture": false }],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector:4317/" },
      { "exporters.otlp.endpoint": "https://collector:4317" },
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317" },
      { "exporters.otlp.endpoint": "http://collector:4317" },
    ],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: "X-Key=a%20b, b=c" },
      { "exporters.otlp.headers": { "x-key": "a b", b: "c" } },
    ],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "1500" }, { "exporters.otlp.timeout": 1500 }],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "0" }, { "exporters.otlp.timeout": 0 }],
    [{ OTEL_EXPORTER_OTLP_COMPRESSION: "GZIP" }, { "exporters.otlp.compression": "gzip" }],
  ];
  test.each(cases)("%p", (environment, layer) => {
    const read = environmentLayer(environment);
    expect(read.layer).toEqual(layer);
    expect([...read.problems, ...read.warnings]).toEqual([]);
  });

  test("are named after their keys", () => {
    expect(variableOf("tracing.protocols.http.enabled")).toBe(
      "OLLY_TRACING_PROTOCOLS_HTTP_ENABLED",
    );
  });
});

describe("wrong variables", () => {
  const cases: [environment: Environment, problems: string[], warnings: string[]][] = [
    [
      { OLLY_LOG_LEVEL: "loud" },
      ['OLLY_LOG_LEVEL: expects one of debug, info, warn, error, got the text "loud"'],
      [],
    ],
    [{ OLLY_DEBUG: "maybe" }, ['OLLY_DEBUG: expects true or false, got the text "maybe"'], []],
    [
      { OTEL_EXPORTER_OTLP_TIMEOUT: "-1" },
      [],
      [
        'OTEL_EXPORTER_OTLP_TIMEOUT is ignored: expects a duration up to an hour, such as 10s or 500ms, got the text "-1"',
      ],
    ],
    [
      { OTEL_RESOURCE_ATTRIBUTES: "a=%" },
      [],
      ["OTEL_RESOURCE_ATTRIBUTES is ignored: expects name=value,name2=value2"],
    ],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: "secret" },
      [],
      ["OTEL_EXPORTER_OTLP_HEADERS is ignored: expects name=value,name2=value2"],
    ],
    [
      { OLLY_LOG_LEVLE: "debug" },
      [],
      ["OLLY_LOG_LEVLE is not known, did you mean OLLY_LOG_LEVEL?"],
    ],
    [{ OLLY_CONTROL: "/c", OLLY_DISABLED: "1", OLLY_SOMEBODY_ELSES: "x" }, [], []],
  ];
  test.each(cases)("%p", (environment, problems, warnings) => {
    const read = environmentLayer(environment);
    expect([...read.problems]).toEqual(problems);
    expect([...read.warnings]).toEqual(warnings);
  });
});

test("resource attributes that are true of one process only are not shared", () => {
  const list = "deployment.environment.name=prod,service.name=a,service.instance.id=1,team=x%2Cy";
  expect(environmentLayer({ OTEL_RESOURCE_ATTRIBUTES: list }).resourceAttributes).toEqual([
    ["deployment.environment.name", "prod"],
    ["team", "x,y"],
  ]);
});
