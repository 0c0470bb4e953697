/** What was lost since the agent's start. */
import type { Check } from "../check.ts";

export const drops: Check = {
  name: "drops",
  section: "agent",
  run: ({ agent }) => {
    if (agent.status === undefined) return [];
    const counted = Object.entries(agent.status.drops).filter(([, count]) => count > 0);
    if (counted.length === 0) return [{ level: "ok", text: "nothing was dropped" }];
    const text = counted.map(([reason, count]) => `${reason} ${count}`).join(", ");
    return [{ level: "note", text: `dropped since the agent's start: ${text}` }];
  },
};
