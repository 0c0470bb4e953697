/** What the span of a call keeps of the HTTP span that it replaces. */
import type { Attribute } from "../../model/attributes.ts";
import type { SpanDraft } from "../../model/span.ts";
import {
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME, ATTR_OLLY_HTTP_FIELDS_UNKNOWN } from "../../semconv/olly.ts";

const SHARED: ReadonlySet<string> = new Set([
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_OLLY_EXCHANGE_OUTCOME,
  ATTR_OLLY_HTTP_FIELDS_UNKNOWN,
]);

/** Attributes that a call shares with the exchange that carries it, and those named besides. */
export function sharedAttributes(draft: SpanDraft, ...others: readonly string[]): Attribute[] {
  return draft.attributes.filter(([name]) => SHARED.has(name) || others.includes(name));
}

/** The value of an attribute of a draft, when it is text. */
export function textAttribute(draft: SpanDraft, key: string): string | undefined {
  const value = draft.attributes.find(([name]) => name === key)?.[1];
  return typeof value === "string" ? value : undefined;
}

/** The path of a target, without its query; of an absolute URL, too. */
export function pathOf(target: string): string {
  const mark = target.indexOf("?");
  const whole = mark < 0 ? target : target.slice(0, mark);
  if (whole.startsWith("/")) return whole;
  const found = /^[a-z]+:\/\/[^/]*(\/.*)?$/i.exec(whole);
  return found === null ? whole : (found[1] ?? "/");
}

/** The query of a target, without its question mark. */
export function queryOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? "" : target.slice(mark + 1);
}

/** A part of a URL with its %XX resolved; as it is when they are malformed. */
export function unescapedPart(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
