import { describe, expect, test } from "bun:test";
import { ipv6Text } from "../lib/ip-text.ts";
import { type HookMessage, MessageFlag, MessageType } from "../model/message.ts";
import { endpointsOf } from "./address.ts";

function message(payload: Uint8Array, type = MessageType.connect as number, flags = 0) {
  const fields = { sequence: 0, pid: 1, tid: 1, fd: 3, wireLength: payload.length, timeNs: 1 };
  return { type, flags, payload, ...fields } satisfies HookMessage;
}

const LOCAL4 = [10, 0, 0, 7, 0x1f, 0x90];
const REMOTE4 = [192, 168, 1, 20, 0x15, 0x38];

function ipv6(groups: string, port: number): number[] {
  const bytes = groups.split(":").flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
  return [...bytes, port >> 8, port & 255];
}

const REMOTE6 = ipv6("2001:db8:0:0:0:0:0:1", 443);
const MAPPED = ipv6("0:0:0:0:0:ffff:7f00:1", 8080);

const tcpCases: readonly [string, number[], unknown, unknown][] = [
  ["IPv4 remote", REMOTE4, { address: "192.168.1.20", port: 5432 }, undefined],
  [
    "IPv4 both",
    [...REMOTE4, ...LOCAL4],
    { address: "192.168.1.20", port: 5432 },
    { address: "10.0.0.7", port: 8080 },
  ],
  ["IPv6 remote", REMOTE6, { address: "2001:db8::1", port: 443 }, undefined],
  [
    "IPv6 both, mapped",
    [...REMOTE6, ...MAPPED],
    { address: "2001:db8::1", port: 443 },
    { address: "127.0.0.1", port: 8080 },
  ],
];

describe("internet addresses", () => {
  for (const [name, payload, remote, local] of tcpCases) {
    for (const type of [MessageType.connect, MessageType.accept]) {
      test(`${name}, type ${type}`, () => {
        const endpoints = endpointsOf(message(new Uint8Array(payload), type));
        expect<unknown>(endpoints).toEqual({ transport: "tcp", remote, local });
      });
    }
  }

  test("any other length is malformed", () => {
    const lengths = new Set([6, 12, 18, 36]);
    for (let length = 0; length <= 120; length++) {
      const endpoints = endpointsOf(message(new Uint8Array(length)));
      expect(endpoints !== undefined).toBe(lengths.has(length));
    }
  });
});

const unixCases: readonly [string, string, string | undefined][] = [
  ["a path", "/run/postgresql/.s.PGSQL.5432", "/run/postgresql/.s.PGSQL.5432"],
  ["a path with its closing NUL", "/tmp/a.sock\0", "/tmp/a.sock"],
  ["an abstract name", "\0dbus-7", "@dbus-7"],
  ["no name", "", undefined],
  ["a lone NUL", "\0", undefined],
];

describe("Unix sockets", () => {
  for (const [name, payload, address] of unixCases) {
    test(name, () => {
      const bytes = new Uint8Array(Buffer.from(payload));
      const end = address === undefined ? undefined : { address, port: 0 };
      const client = endpointsOf(message(bytes, MessageType.connect, MessageFlag.unix));
      expect<unknown>(client).toEqual({ transport: "unix", remote: end, local: undefined });
      const server = endpointsOf(message(bytes, MessageType.accept, MessageFlag.unix));
      expect<unknown>(server).toEqual({ transport: "unix", remote: undefined, local: end });
    });
  }

  test("a name longer than the kernel allows is malformed", () => {
    const bytes = new Uint8Array(109).fill(0x61);
    expect(endpointsOf(message(bytes, MessageType.connect, MessageFlag.unix))).toBeUndefined();
  });
});

/** RFC 5952 sections 4.1 to 4.3, and section 5 for the mapped form (shown as plain IPv4). */
const textCases: readonly [string, string][] = [
  ["0:0:0:0:0:0:0:0", "::"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["1:0:0:0:0:0:0:0", "1::"],
  ["2001:0db8:0:0:0:0:2:1", "2001:db8::2:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["0:0:1:0:0:0:0:1", "0:0:1::1"],
  ["ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"],
  ["fe80:0:0:0:0:0:0:0", "fe80::"],
  ["0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"],
  ["0:0:2:3:4:5:0:0", "::2:3:4:5:0:0"],
  ["0:0:0:0:0:ffff:c0a8:0102", "192.168.1.2"],
  ["0:0:0:0:ffff:0:c0a8:0102", "::ffff:0:c0a8:102"],
];

describe("IPv6 text", () => {
  for (const [groups, text] of textCases) {
    test(text, () => expect(ipv6Text(new Uint8Array(ipv6(groups, 0)), 0)).toBe(text));
  }
});
