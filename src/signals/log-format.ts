/**
 * One line of text → body, level, time and attributes. The first characters decide which formats
 * are tried; whatever fits none is plain. Invariant: every text has a result, in linear time.
 */
import type { ParsedLine } from "./log-attributes.ts";
import { parseJsonLine } from "./log-json.ts";
import { parseLogfmtLine } from "./log-logfmt.ts";
import { parsePlainLine } from "./log-plain.ts";
import { parseSyslogLine } from "./log-syslog.ts";
import { isMonthAt } from "./log-time.ts";

/** Recognises a record's text; several lines are one record whose first line is the header. */
export function parseLogLine(text: string): ParsedLine {
  const first = text[0];
  if (first === "{") return parseJsonLine(text) ?? parsePlainLine(text);
  if (first === "<" || isMonthAt(text, 0)) return parseSyslogLine(text) ?? parsePlainLine(text);
  return parseLogfmtLine(text) ?? parsePlainLine(text);
}
