/** Whether what was captured gets away from here. */
import type { Check, CheckResult } from "../check.ts";

export const exporters: Check = {
  name: "exporters",
  section: "agent",
  run: ({ agent }) =>
    (agent.status?.exporters ?? []).map(({ name, state, lastError }): CheckResult => {
      if (state === "ok") return { level: "ok", text: `${name} delivers` };
      const trouble = state === "failed" ? "loses data" : "cannot deliver and tries again";
      return {
        level: "wrong",
        text: `${name} ${trouble}: ${lastError ?? "no reason is known"}`,
        fix: `check exporters.${name} of the configuration, and its receiver`,
      };
    }),
};
