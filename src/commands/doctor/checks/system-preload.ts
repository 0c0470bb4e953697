/** /etc/ld.so.preload takes effect in every program of the host. */
import type { Check, CheckResult } from "../check.ts";

const FILE = "/etc/ld.so.preload";

export const systemPreload: Check = {
  name: "system-wide preload",
  section: "host",
  run: ({ host }) =>
    host.systemPreloads.map(
      ({ path, exists }): CheckResult =>
        exists
          ? { level: "note", text: `${FILE} preloads ${path} into every program` }
          : {
              level: "wrong",
              text: `${FILE} names ${path}, which does not exist: every program complains`,
              fix: `remove the line from ${FILE}`,
            },
    ),
};
