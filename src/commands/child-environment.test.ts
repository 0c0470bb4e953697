import { describe, expect, test } from "bun:test";
import { type HookEnvironment, hookedEnvironment } from "./child-environment.ts";

const hook: HookEnvironment = {
  libraryPath: "/lib/libolly-01ab.so",
  socketPath: "/s/hook.sock",
  controlPath: "/s/control",
  serviceName: undefined,
  debug: false,
};
const asan = "ASAN_OPTIONS=verify_asan_link_order=0";
const own = ["OLLY_SOCKET=/s/hook.sock", "OLLY_CONTROL=/s/control"];

function environmentOf(entries: string[], changes: Partial<HookEnvironment> = {}): string[] {
  const bytes = entries.map((entry) => Buffer.from(entry, "latin1"));
  return hookedEnvironment(bytes, { ...hook, ...changes }).map((entry) =>
    Buffer.from(entry).toString("latin1"),
  );
}

describe("hookedEnvironment", () => {
  test("keeps every entry as it is, also what is not UTF-8, not NAME=value or there twice", () => {
    const entries = ["A=1", "B=\xff\xfe", "odd", "=x", "A=2", "E="];
    expect(environmentOf(entries)).toEqual([
      ...[...entries, ...own, asan],
      "LD_PRELOAD=/lib/libolly-01ab.so",
    ]);
  });

  test("replaces what an olly around this one has set", () => {
    const entries = ["OLLY_SOCKET=/old", "A=1", "OLLY_CONTROL=/old", "OLLY_SOCKETS=x"];
    expect(environmentOf(entries).slice(0, 2)).toEqual(["A=1", "OLLY_SOCKETS=x"]);
  });

  test("names the service and asks for debugging only when told to", () => {
    const entries = ["OTEL_SERVICE_NAME=old", "OLLY_DEBUG=0"];
    expect(environmentOf(entries).slice(0, 2)).toEqual(entries);
    const changed = environmentOf(entries, { serviceName: "new é", debug: true });
    expect(changed).toContain("OLLY_DEBUG=1");
    expect(changed.some((entry) => entry.startsWith("OTEL_SERVICE_NAME=new"))).toBe(true);
    expect(changed).not.toContain("OTEL_SERVICE_NAME=old");
  });

  const sanitizers: [existing: string, result: string][] = [
    ["", "verify_asan_link_order=0"],
    ["detect_leaks=0", "verify_asan_link_order=0:detect_leaks=0"],
    ["a=1,verify_asan_link_order=1", "a=1,verify_asan_link_order=1"],
    ["log_path=/a\xff", "verify_asan_link_order=0:log_path=/a\xff"],
  ];
  test.each(sanitizers)("ASAN_OPTIONS %p becomes %p", (existing, result) => {
    expect(environmentOf([`ASAN_OPTIONS=${existing}`]).at(-2)).toBe(`ASAN_OPTIONS=${result}`);
  });

  test("a path by platform is passed on as it stands", () => {
    const libraryPath = "/lib/$PLATFORM/libolly-01ab.so";
    const result = environmentOf([`LD_PRELOAD=/a.so ${libraryPath}`], { libraryPath }).at(-1);
    expect(result).toBe(`LD_PRELOAD=/a.so:${libraryPath}`);
  });

  const preloads: [existing: string, result: string][] = [
    ["", "/lib/libolly-01ab.so"],
    ["/a.so", "/a.so:/lib/libolly-01ab.so"],
    ["/a.so /b.so", "/a.so:/b.so:/lib/libolly-01ab.so"],
    [":/a.so::/b.so:", "/a.so:/b.so:/lib/libolly-01ab.so"],
    ["/x/libolly.so:/a.so", "/a.so:/lib/libolly-01ab.so"],
    ["/a.so:/y/libolly-99ff.so", "/a.so:/lib/libolly-01ab.so"],
    ["/a\xff.so", "/a\xff.so:/lib/libolly-01ab.so"],
    ["/libolly-fake.so.1", "/libolly-fake.so.1:/lib/libolly-01ab.so"],
  ];
  test.each(preloads)("LD_PRELOAD %p becomes %p", (existing, result) => {
    expect(environmentOf([`LD_PRELOAD=${existing}`]).at(-1)).toBe(`LD_PRELOAD=${result}`);
  });
});
