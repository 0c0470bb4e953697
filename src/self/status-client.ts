/**
 * Asks a running agent for its status. Invariant: the answer comes within the time limit, is not
 * larger than the size limit, and is checked before anybody relies on its shape.
 */
import { limits } from "../limits.ts";
import type { AgentStatus } from "./status.ts";

/** The agent's status; undefined when no agent answers on that socket. */
export async function fetchStatus(path: string): Promise<AgentStatus | undefined> {
  try {
    const response = await fetch("http://olly/status", {
      unix: path,
      signal: AbortSignal.timeout(limits.statusMsMax),
    });
    if (!response.ok) return undefined;
    const text = await response.text();
    if (text.length > limits.statusBytesMax) return undefined;
    const answer: unknown = JSON.parse(text);
    return isAgentStatus(answer) ? answer : undefined;
  } catch {
    return undefined; // nobody listens, or it is not an agent
  }
}

function isAgentStatus(value: unknown): value is AgentStatus {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return (
    typeof fields["version"] === "string" &&
    typeof fields["pid"] === "number" &&
    typeof fields["startedAt"] === "string" &&
    typeof fields["active"] === "boolean" &&
    typeof fields["socketPath"] === "string" &&
    Array.isArray(fields["processes"]) &&
    Array.isArray(fields["exporters"]) &&
    isRecord(fields["leftAlone"]) &&
    isRecord(fields["messages"]) &&
    isRecord(fields["drops"]) &&
    isRecord(fields["notVisible"]) &&
    typeof fields["spans"] === "number" &&
    typeof fields["logs"] === "number"
  );
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
