/** What the library would like of the kernel. */
import type { Check } from "../check.ts";

/** MADV_WIPEONFORK, by which the library sees a fork for nothing. */
const WIPEONFORK = [4, 14] as const;

export const kernel: Check = {
  name: "kernel",
  section: "host",
  run: ({ host }) => {
    const match = /^(\d+)\.(\d+)/.exec(host.kernel);
    if (match === null) return [{ level: "unknown", text: `Linux ${host.kernel}` }];
    const [major, minor] = [Number(match[1]), Number(match[2])];
    const isOld = major < WIPEONFORK[0] || (major === WIPEONFORK[0] && minor < WIPEONFORK[1]);
    if (!isOld) return [{ level: "ok", text: `Linux ${host.kernel}` }];
    return [
      {
        level: "note",
        text: `Linux ${host.kernel} has no MADV_WIPEONFORK: a getpid() for every message`,
        fix: `use Linux ${WIPEONFORK.join(".")} or newer`,
      },
    ];
  },
};
