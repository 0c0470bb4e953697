/** What programs need in the agent's directory: its socket and its control page. */
import type { Check, CheckResult } from "../check.ts";

export const agentPlace: Check = {
  name: "socket and control page",
  section: "agent",
  run: ({ agent }) => {
    const { place, status } = agent;
    if (place === undefined) return [];
    if (!place.trusted) {
      const text = `${place.directory} belongs to another user: it is not trusted`;
      return [{ level: "wrong", text, fix: "name your own directory with --socket-dir" }];
    }
    // What an agent has left behind needs no mending.
    if (status === undefined) return [];
    const problems: CheckResult[] = [];
    const add = (problem: string | undefined, what: string, fix: string): void => {
      if (problem !== undefined)
        problems.push({ level: "wrong", text: `${what}: ${problem}`, fix });
    };
    add(place.socketProblem, "programs cannot register at the hook socket", "restart the agent");
    add(place.controlProblem, "programs cannot map the control page", "restart the agent");
    if (problems.length > 0) return problems;
    return [{ level: "ok", text: `programs can reach the agent in ${place.directory}` }];
  },
};
