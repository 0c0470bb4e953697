/** Whether an agent answers, and what it is doing. */
import type { Check } from "../check.ts";

export const agentRunning: Check = {
  name: "agent",
  section: "agent",
  run: ({ agent }) => {
    const { status } = agent;
    if (status === undefined) {
      const where = agent.directories.join(" or ");
      return [
        {
          level: agent.asked ? "wrong" : "note",
          text: `no agent answers in ${where}; olly run brings one of its own`,
          fix: "olly agent",
        },
      ];
    }
    const text = `olly ${status.version} runs as process ${status.pid}`;
    if (status.active) return [{ level: "ok", text: `${text}, tracing is on` }];
    return [{ level: "note", text: `${text}, tracing is off`, fix: "olly trace start" }];
  },
};
