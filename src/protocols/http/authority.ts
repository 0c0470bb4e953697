/**
 * Who a request was meant for and who sent it: Host, request targets, Forwarded and X-Forwarded-*.
 * Invariant: a part that is missing or malformed is undefined, never guessed.
 */

/** host[:port] of RFC 3986 section 3.2; an IPv6 address stands without its brackets. */
export interface Authority {
  readonly address: string;
  readonly port: number | undefined;
}

/** Parts of a request target in absolute-form. */
export interface AbsoluteTarget {
  /** In lowercase. */
  readonly scheme: string;
  /** With userinfo, when there is one. */
  readonly authority: string;
  /** From the path on; may be empty. */
  readonly rest: string;
}

const PORT_MAX = 65_535;

/** The authority in a Host field, a target or a forwarding field; undefined = there is none. */
export function authorityOf(text: string | undefined): Authority | undefined {
  if (text === undefined) return undefined;
  const host = text.slice(text.lastIndexOf("@") + 1).trim();
  if (host === "") return undefined;
  const bracket = host.startsWith("[") ? host.indexOf("]") : -1;
  if (bracket > 0) {
    const port = host[bracket + 1] === ":" ? portOf(host.slice(bracket + 2)) : undefined;
    return { address: host.slice(1, bracket), port };
  }
  const colon = host.indexOf(":");
  if (colon < 0) return { address: host, port: undefined };
  // An IPv6 address without brackets, as X-Forwarded-For has it.
  if (host.indexOf(":", colon + 1) > 0) return { address: host, port: undefined };
  if (colon === 0) return undefined;
  return { address: host.slice(0, colon), port: portOf(host.slice(colon + 1)) };
}

function portOf(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port > 0 && port <= PORT_MAX ? port : undefined;
}

/** scheme://authority[rest]; undefined when the target has another form. */
export function absoluteTargetOf(target: string): AbsoluteTarget | undefined {
  const mark = target.indexOf("://");
  if (mark <= 0 || !isScheme(target.slice(0, mark))) return undefined;
  let end = mark + 3;
  while (end < target.length && !"/?#".includes(target[end] ?? "/")) end++;
  return {
    scheme: target.slice(0, mark).toLowerCase(),
    authority: target.slice(mark + 3, end),
    rest: target.slice(end),
  };
}

/** RFC 3986 section 3.1. */
export function isScheme(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*$/.test(text);
}

/** Default port of a scheme; undefined when it is not one of the web's. */
export function defaultPortOf(scheme: string): number | undefined {
  if (scheme === "http" || scheme === "ws") return 80;
  return scheme === "https" || scheme === "wss" ? 443 : undefined;
}

/** The first item of a comma-separated field, without quotes; undefined when it is empty. */
export function firstItemOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const comma = text.indexOf(",");
  const item = unquoted((comma < 0 ? text : text.slice(0, comma)).trim());
  return item === "" ? undefined : item;
}

/** A parameter of the first element of Forwarded (RFC 7239 section 4): nearest to the client. */
export function forwardedParameter(text: string | undefined, name: string): string | undefined {
  if (text === undefined) return undefined;
  let pairStart = 0;
  let quoted = false;
  for (let index = 0; index <= text.length; index++) {
    const character = text[index];
    if (character === "\\" && quoted) index++;
    else if (character === '"') quoted = !quoted;
    const ends = index >= text.length || (!quoted && (character === ";" || character === ","));
    if (!ends) continue;
    const value = valueOfPair(text.slice(pairStart, index), name);
    if (value !== undefined || character === ",") return value;
    pairStart = index + 1;
  }
  return undefined;
}

function valueOfPair(pair: string, name: string): string | undefined {
  const equals = pair.indexOf("=");
  if (equals < 0 || pair.slice(0, equals).trim().toLowerCase() !== name) return undefined;
  const value = unquoted(pair.slice(equals + 1).trim());
  return value === "" ? undefined : value;
}

/** Address of a node identifier (RFC 7239 section 6); "unknown" and obfuscated ones are none. */
export function nodeAddressOf(text: string | undefined): string | undefined {
  const node = authorityOf(text);
  if (node === undefined || node.address.toLowerCase() === "unknown") return undefined;
  return node.address.startsWith("_") ? undefined : node.address;
}

function unquoted(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  return text.slice(1, -1).replace(/\\(.)/g, "$1");
}
