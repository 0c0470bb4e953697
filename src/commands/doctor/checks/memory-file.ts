/** The ring between a program and the agent is a memfd. */
import type { Check } from "../check.ts";

export const memoryFile: Check = {
  name: "memfd",
  section: "host",
  run: ({ host }) => [
    host.memfdProblem === undefined
      ? { level: "ok", text: "memfd_create works: programs hand over a ring" }
      : {
          level: "note",
          text: `memfd_create fails (${host.memfdProblem}): every message is a datagram`,
          fix: "allow memfd_create (seccomp profile, sysctl vm.memfd_noexec)",
        },
  ],
};
