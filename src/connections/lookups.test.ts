import { expect, test } from "bun:test";
import { limits } from "../limits.ts";
import type { Lookup } from "../model/lookup.ts";
import { Drops } from "../self/drops.ts";
import { Lookups } from "./lookups.ts";

const ADDRESS = "10.0.0.7";

function lookup(name: string, addresses: readonly string[] = [ADDRESS]): Lookup {
  return { name, result: 0, error: 0, family: 0, addresses, hasMore: false, durationNs: 5 };
}

function setUp() {
  const drops = new Drops();
  const lookups = new Lookups(drops);
  let now = 1e9;
  return {
    drops,
    lookups,
    wait: (ns: number) => {
      now += ns;
    },
    asks: (tid: number, name: string, addresses?: readonly string[]) =>
      lookups.add(1, lookup(name, addresses), { tid, timeNs: ++now }),
    connects: (tid: number, address = ADDRESS, processId = 1) =>
      lookups.nameOf(processId, address, { tid, timeNs: ++now }),
  };
}

test("the name that led to an address, on whatever thread, as often as it is used", () => {
  const { asks, connects } = setUp();
  asks(1, "db.local", [ADDRESS, "10.0.0.8"]);
  expect(connects(1)).toBe("db.local");
  expect(connects(2, "10.0.0.8")).toBe("db.local");
  expect(connects(2)).toBe("db.local");
});

test("other addresses, other processes and failed lookups have none", () => {
  const { asks, connects } = setUp();
  asks(1, "db.local");
  asks(1, "gone.local", []);
  expect(connects(1, "10.0.0.9")).toBeUndefined();
  expect(connects(1, ADDRESS, 2)).toBeUndefined();
});

test("of two names for one address the one that the thread has just asked for", () => {
  const { asks, connects } = setUp();
  asks(1, "a.local");
  expect(connects(1)).toBe("a.local");
  asks(1, "b.local");
  expect(connects(1)).toBe("b.local");
  asks(1, "a.local");
  expect(connects(1)).toBe("a.local");
});

test("two names and a connection that could be either's: none", () => {
  const { asks, connects } = setUp();
  asks(1, "a.local");
  asks(2, "b.local");
  expect(connects(1)).toBeUndefined();
  expect(connects(2)).toBeUndefined();
});

test("two names, asked for on a pool's threads: none", () => {
  const { asks, connects } = setUp();
  asks(7, "a.local");
  expect(connects(1)).toBe("a.local");
  asks(8, "b.local");
  expect(connects(1)).toBeUndefined();
});

test("a program that names the address itself has no name for it", () => {
  const { asks, connects } = setUp();
  asks(1, "::1", ["::1"]);
  asks(1, "127.1", ["127.0.0.1"]);
  asks(1, "localhost", ["127.0.0.2"]);
  expect(connects(1, "::1")).toBeUndefined();
  expect(connects(1, "127.0.0.1")).toBeUndefined();
  expect(connects(1, "127.0.0.2")).toBe("localhost");
  asks(1, "127.0.0.2", ["127.0.0.2"]);
  expect(connects(1, "127.0.0.2")).toBeUndefined();
});

test("a lookup explains connections for a while only", () => {
  const { asks, connects, wait } = setUp();
  asks(1, "a.local");
  wait(limits.lookupNsMax);
  asks(1, "b.local");
  wait(1e9);
  expect(connects(2)).toBe("b.local");
  wait(limits.lookupNsMax);
  expect(connects(2)).toBeUndefined();
});

test("names of one address, addresses and processes are bounded", () => {
  const { asks, connects, lookups, drops } = setUp();
  for (let index = 0; index < 100; index++) asks(1, `host${index}.local`);
  expect(lookups.size).toBe(1);
  const share = limits.lookupAddressesOfProcessMax;
  for (let index = 0; index < share + 9; index++) asks(1, "many", [`${index}`]);
  expect(lookups.size).toBe(share);
  expect(drops.get("lookup_limit")).toBe(10);
  expect(connects(1, "0")).toBeUndefined();
  expect(connects(1, `${share}`)).toBe("many");
  const hosts = Array.from({ length: limits.lookupAddressesMax }, (_, index) => `${index}`);
  for (let processId = 2; processId <= 9; processId++) {
    for (const host of hosts.slice(0, share)) {
      lookups.add(processId, lookup("a.local", [host]), { tid: 1, timeNs: 2e9 });
    }
  }
  expect(lookups.size).toBe(limits.lookupAddressesMax);
  expect(drops.get("lookup_limit")).toBe(10 + share);
  for (let processId = 2; processId <= 9; processId++) lookups.processEnded(processId);
  expect(lookups.size).toBe(share);
  lookups.processEnded(1);
  expect(lookups.size).toBe(0);
});
