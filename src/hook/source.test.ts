import { expect, test } from "bun:test";
import { limits } from "../limits.ts";
import { Source } from "./source.ts";

const NOW_NS = 1e12;
/** Above every pid that Linux gives. */
const NOBODYS_PID = 2 ** 22 + 1;

function senderOfDatagrams(pid: number): Source {
  const hello = { executable: "", args: [], environment: new Map<string, string>() };
  const options = { id: 1, pid, uid: 0, hello, ring: undefined, predecessor: undefined };
  return new Source({ ...options, nowNs: NOW_NS });
}

test("a process without a ring that has ended is kept while its datagrams may come", () => {
  const source = senderOfDatagrams(NOBODYS_PID);
  expect(source.isOver(NOW_NS, false)).toBe(false);
  expect(source.isOver(NOW_NS + limits.datagramLateNs - 1, false)).toBe(false);
  expect(source.isOver(NOW_NS + limits.datagramLateNs, false)).toBe(true);
});

test("not when everything has been received, and not when its pid has a successor", () => {
  expect(senderOfDatagrams(NOBODYS_PID).isOver(NOW_NS, true)).toBe(true);
  const followed = senderOfDatagrams(NOBODYS_PID);
  followed.replaced(NOW_NS);
  expect(followed.isOver(NOW_NS, false)).toBe(true);
});

test("a process that lives is not over", () => {
  expect(senderOfDatagrams(process.pid).isOver(NOW_NS + 10 * limits.datagramLateNs, true)).toBe(
    false,
  );
});
