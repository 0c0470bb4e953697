/** How directions, sides and roles go together. Invariant: pure. */
import type { Direction, Role, Side } from "../model/connection.ts";

/** The side a direction carries; undefined while the role is not known. */
export function sideOf(role: Role, direction: Direction): Side | undefined {
  if (role === "unknown") return undefined;
  return (role === "client") === (direction === "out") ? "request" : "response";
}

export function roleOf(direction: Direction, side: Side): Role {
  return (direction === "out") === (side === "request") ? "client" : "server";
}

export function otherDirection(direction: Direction): Direction {
  return direction === "in" ? "out" : "in";
}
