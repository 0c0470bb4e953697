import { describe, expect, test } from "bun:test";
import {
  type ConsoleSink,
  capturePolicyOf,
  enabledProtocols,
  exportSettingsOf,
  routeSettingsOf,
} from "./agent-settings.ts";
import { loadConfig } from "./config/load.ts";
import { protocolIds } from "./config/protocol-keys.ts";
import type { Layer } from "./config/schema.ts";
import { overlays } from "./protocols/http/overlays/index.ts";
import { protocols } from "./protocols/index.ts";
import { tcp } from "./protocols/tcp-record.ts";

const configOf = (flags: Layer) =>
  loadConfig({
    environment: {},
    uid: 1000,
    workingDirectory: "/home/ada",
    fallback: "none",
    flags,
  }).config;

const written: string[] = [];
const terminal: ConsoleSink = {
  write: (text) => void written.push(text),
  colour: true,
  columns: 80,
};

describe("protocols", () => {
  test("all of them, in order of detection, unless tracing is off", () => {
    expect(enabledProtocols(configOf({}))).toEqual(protocols);
    expect(enabledProtocols(configOf({ "tracing.enabled": false }))).toEqual([]);
  });

  test("each has its switch, and each switch its protocol", () => {
    // One that comes in streams and in datagrams has one switch.
    const told = new Set([...protocols, ...overlays, tcp].map(({ id }) => id));
    expect([...protocolIds].sort() as string[]).toEqual([...told].sort());
  });

  test("one that is switched off is left out", () => {
    const config = configOf({});
    const id = protocols[0]?.id ?? "";
    const without = {
      ...config,
      tracing: { ...config.tracing, protocols: { [id]: { enabled: false } } },
    };
    expect(enabledProtocols(without)).toEqual(protocols.slice(1));
  });
});

describe("overlays", () => {
  test("one that is switched off is named in the policy", () => {
    expect([...(capturePolicyOf(configOf({})).overlaysOff ?? [])]).toEqual([]);
    const off = configOf({ "tracing.protocols.grpc.enabled": false });
    expect([...(capturePolicyOf(off).overlaysOff ?? [])]).toEqual(["grpc"]);
  });
});

describe("routes", () => {
  test("are learnt, unless they are switched off", () => {
    const told = routeSettingsOf(configOf({}));
    expect(told).toMatchObject({ learn: true, clients: false, templates: [] });
    expect(routeSettingsOf(configOf({ "tracing.routes.enabled": false }))).toBeUndefined();
    const flags = { "tracing.routes.learn": false, "tracing.routes.clients": true };
    expect(routeSettingsOf(configOf(flags))).toMatchObject({ learn: false, clients: true });
  });
});

describe("destinations", () => {
  test("none that is not enabled", () => {
    expect(exportSettingsOf(configOf({}), terminal)).toEqual({});
  });

  test("each that is", () => {
    const config = configOf({
      "exporters.otlp.enabled": true,
      "exporters.otlp.endpoint": "http://collector:4317",
      "exporters.file.enabled": true,
      "exporters.file.path": "/tmp/t.jsonl",
      "exporters.stdout.enabled": true,
      "exporters.stdout.format": "json",
    });
    const { otlp, file, console } = exportSettingsOf(config, terminal);
    expect(otlp?.endpoint).toBe("http://collector:4317");
    expect(file).toEqual({ path: "/tmp/t.jsonl" });
    expect(console).toMatchObject({ format: "json", colour: true, columns: 80 });
    console?.write("x");
    expect(written).toEqual(["x"]);
  });
});
