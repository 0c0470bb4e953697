/** How many programs can register at the same moment, and messages wait where there is no ring. */
import type { Check } from "../check.ts";

/** The kernel's default; a root agent raises it for its own socket. */
const QUEUE_DEFAULT = 10;

export const datagramQueue: Check = {
  name: "datagram queue",
  section: "host",
  run: ({ host }) => {
    const length = host.datagramQueue;
    const name = "net.unix.max_dgram_qlen";
    if (length === undefined) return [{ level: "unknown", text: `${name} cannot be read` }];
    const text = `${name} is ${length}`;
    if (host.uid === 0) return [{ level: "ok", text: `${text}; an agent of root raises it` }];
    if (length > QUEUE_DEFAULT) return [{ level: "ok", text }];
    return [
      {
        level: "note",
        text: `${text}: so many programs can register at the same moment`,
        fix: `as root: sysctl -w ${name}=512, before the agent starts`,
      },
    ];
  },
};
