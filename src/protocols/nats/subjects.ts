/** What subjects tell: JetStream's own, inboxes, and the low-cardinality form of a name. */
import { nameTemplateOf } from "../../lib/name-template.ts";

const ACK = "$JS.ACK.";
const API = "$JS.API.";
const PULL = "$JS.API.CONSUMER.MSG.NEXT.";
const FLOW_CONTROL = "$JS.FC.";
/** Inboxes of clients, and reply subjects that a server has made up. */
const TEMPORARY = ["_INBOX.", "_INBOX_", "_R_."] as const;

export function isAcknowledgement(subject: string): boolean {
  return subject.startsWith(ACK);
}

export function isFlowControl(subject: string): boolean {
  return subject.startsWith(FLOW_CONTROL);
}

export function isPull(subject: string): boolean {
  return subject.startsWith(PULL) || /^\$JS\.[^.]+\.API\.CONSUMER\.MSG\.NEXT\./.test(subject);
}

export function isTemporary(subject: string): boolean {
  return TEMPORARY.some((prefix) => subject.startsWith(prefix));
}

export interface Source {
  readonly stream: string;
  readonly consumer: string;
  /** How often the message was delivered, this time included. */
  readonly deliveries: number;
}

/**
 * Stream and consumer of an acknowledgement's subject: $JS.ACK.stream.consumer.deliveries and four
 * numbers, or with a domain and an account before the stream.
 */
export function sourceOf(reply: string): Source | undefined {
  if (!isAcknowledgement(reply)) return undefined;
  const tokens = reply.split(".");
  const at = tokens.length >= 11 ? 4 : 2;
  const [stream, consumer, deliveries] = tokens.slice(at, at + 3);
  if (tokens.length < 9 || stream === undefined || consumer === undefined) return undefined;
  return { stream, consumer, deliveries: Number(deliveries) };
}

/** Stream and consumer of a pull's subject. */
export function pulledFrom(subject: string): {
  readonly stream: string;
  readonly consumer: string;
} {
  const [consumer = "", stream = ""] = subject.split(".").reverse();
  return { stream, consumer };
}

/** What JetStream's API is asked for: "CONSUMER.MSG.NEXT", "STREAM.CREATE", "INFO"; then names. */
const TWO_WORDS = "(?:CONSUMER|STREAM)\\.[A-Z]+(?:\\.(?:NEXT|GET|CREATE|STEPDOWN|REMOVE))?";
const API_NAMES = new RegExp(`^(\\$JS\\.API\\.(?:${TWO_WORDS}|DIRECT\\.GET|[A-Z]+))(?:\\.(.*))?$`);
const API_NAMES_MAX = 2;

/** The subject with placeholders; undefined when it needs none. */
export function subjectTemplate(subject: string): string | undefined {
  if (isTemporary(subject)) return undefined;
  if (subject.startsWith(ACK)) {
    const source = sourceOf(subject);
    return source === undefined ? `${ACK}{id}` : `${ACK}${source.stream}.${named(source.consumer)}`;
  }
  if (!subject.startsWith(API)) return nameTemplateOf(subject);
  const [, verb = "", names = ""] = API_NAMES.exec(subject) ?? [];
  if (verb === "" || names === "") return nameTemplateOf(subject);
  const parts = names.split(".");
  const kept = parts.slice(0, API_NAMES_MAX).map(named);
  // A consumer's filter is a subject of its own.
  if (parts.length > API_NAMES_MAX) kept.push("{filter}");
  const template = `${verb}.${kept.join(".")}`;
  return template === subject ? undefined : template;
}

function named(name: string): string {
  return nameTemplateOf(name) ?? name;
}
