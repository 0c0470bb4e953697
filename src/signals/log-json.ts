/**
 * A line that is one JSON object, as structured loggers write it (pino, bunyan, zap, zerolog,
 * logrus, slog, structlog, log4j2 and ECS layouts, GELF, MongoDB). Message, level and time are
 * taken from the names those loggers use, every other field becomes an attribute: trace_id and
 * span_id too, which never replace the record's own context.
 * Invariant: a line that JSON.parse refuses, that is nested deeper than DEPTH_MAX, or whose value
 * is no object, is not JSON.
 */
import { isFields, LogAttributes, type ParsedLine } from "./log-attributes.ts";
import {
  severityOfLetter,
  severityOfPino,
  severityOfSyslog,
  severityOfWord,
} from "./log-severity.ts";
import { unixTimeOf } from "./log-time.ts";

const OPEN = 123;
const CLOSE = 125;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const QUOTE = 34;
const BACKSLASH = 92;
/** JSON.parse takes more than linear time for nesting without end. */
const DEPTH_MAX = 64;

const messageKeys = ["msg", "message", "log", "event", "short_message", "@m", "@mt"] as const;
const levelKeys = ["level", "severity", "lvl", "levelname", "log.level", "@l"] as const;
const timeKeys = ["time", "timestamp", "ts", "@timestamp", "@t"] as const;

/** undefined when the text is not a JSON object. */
export function parseJsonLine(text: string): ParsedLine | undefined {
  if (text.charCodeAt(0) !== OPEN || text.charCodeAt(text.length - 1) !== CLOSE) return undefined;
  if (text.length > DEPTH_MAX * 2 && isTooDeep(text)) return undefined;
  const fields = parsedFields(text);
  if (fields === undefined) return undefined;
  const messageKey = messageKeys.find((key) => isMessage(fields[key]));
  const level = levelOf(fields);
  const time = timeOf(fields);
  const attributes = new LogAttributes();
  for (const key in fields) {
    if (key === messageKey || key === level?.key || key === time?.key) continue;
    attributes.addField(key, fields[key]);
  }
  return {
    body: messageKey === undefined ? text : String(fields[messageKey]).trimEnd(),
    severityNumber: level?.severityNumber ?? 0,
    severityText: level?.text,
    unixTimeNs: time?.unixNs,
    attributes: attributes.list,
    attributesCut: attributes.cut,
  };
}

/** Whether brackets outside of strings nest deeper than DEPTH_MAX. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) quoted = !quoted;
    else if (code === BACKSLASH) index++;
    else if (!quoted && (code === OPEN || code === OPEN_LIST)) {
      if (++depth > DEPTH_MAX) return true;
    } else if (!quoted && (code === CLOSE || code === CLOSE_LIST)) depth--;
  }
  return false;
}

function parsedFields(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMessage(value: unknown): boolean {
  return (typeof value === "string" && value.trim() !== "") || typeof value === "number";
}

interface Level {
  readonly key: string;
  readonly text: string;
  readonly severityNumber: number;
}

function levelOf(fields: Record<string, unknown>): Level | undefined {
  for (const key of levelKeys) {
    const value = fields[key];
    if (typeof value === "number") {
      // GELF's level is syslog's, and its message has a name of its own.
      const gelf = fields["short_message"] !== undefined;
      const severityNumber = gelf ? severityOfSyslog(value) : severityOfPino(value);
      return { key, text: String(value), severityNumber };
    }
    if (typeof value === "string" && value !== "" && value.length <= 32) {
      const severityNumber = severityOfWord(value) || severityOfPino(Number(value));
      return { key, text: value, severityNumber };
    }
  }
  // MongoDB: {"t":{"$date":...},"s":"I","c":"NETWORK",...,"msg":...}
  const letter = fields["s"];
  if (typeof letter !== "string" || mongoTime(fields) === undefined) return undefined;
  const severityNumber = severityOfLetter(letter.slice(0, 1));
  return severityNumber === 0 ? undefined : { key: "s", text: letter, severityNumber };
}

function timeOf(
  fields: Record<string, unknown>,
): { readonly key: string; readonly unixNs: bigint } | undefined {
  for (const key of timeKeys) {
    const unixNs = unixTimeOf(fields[key]);
    if (unixNs !== undefined) return { key, unixNs };
  }
  const unixNs = unixTimeOf(mongoTime(fields));
  return unixNs === undefined ? undefined : { key: "t", unixNs };
}

function mongoTime(fields: Record<string, unknown>): unknown {
  const time = fields["t"];
  return isFields(time) ? time["$date"] : undefined;
}
