/**
 * Row counts. Invariant: returned rows are DataRow messages that were seen; affected rows are what
 * a command tag says (manual, section "Message Formats", CommandComplete).
 */
import type { PostgresqlDetail, PostgresqlFrame } from "./types.ts";

const changing: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "MERGE", "COPY"]);

/**
 * Adds one CommandComplete, EmptyQueryResponse or PortalSuspended to the counts: a simple query may
 * hold several statements. `rows` are the rows that came before it.
 */
export function addCompletion(
  detail: PostgresqlDetail,
  frame: PostgresqlFrame,
  rows: number,
): void {
  const tag = frame.text;
  const space = tag.indexOf(" ");
  const command = space < 0 ? tag : tag.slice(0, space);
  const count = space < 0 ? -1 : countOf(tag);
  // CREATE TABLE AS and SELECT INTO say SELECT n too, but send no row: they have inserted them.
  const inserted = command === "SELECT" && count > 0 && rows === 0;
  if ((changing.has(command) || inserted) && count >= 0) {
    detail.affectedRows = (detail.affectedRows ?? 0) + count;
  }
  const selected = (command === "SELECT" || command === "FETCH") && !inserted;
  if (rows > 0 || selected) detail.returnedRows = (detail.returnedRows ?? 0) + rows;
}

/** The number at the end of "INSERT 0 5", "SELECT 3"; -1 when there is none. */
function countOf(tag: string): number {
  const digits = tag.slice(tag.lastIndexOf(" ") + 1);
  const count = Number(digits);
  return digits !== "" && Number.isSafeInteger(count) ? count : -1;
}
