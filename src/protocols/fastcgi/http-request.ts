/** The HTTP request that parameters tell of. Invariant: what they do not say is undefined. */
import type { Values } from "./params.ts";
import type { FastcgiDetail } from "./types.ts";

export function detailOf(values: Values, role: number): FastcgiDetail {
  return {
    version: versionOf(values.protocol),
    method: values.method || undefined,
    target: targetOf(values),
    scheme: schemeOf(values),
    host: values.host || undefined,
    userAgent: values.userAgent,
    forwarded: values.forwarded,
    // Whom the web server talks to is one step nearer to the client than the web server itself.
    forwardedFor: values.forwardedFor || values.remote || undefined,
    forwardedHost: values.forwardedHost,
    forwardedProto: values.forwardedProto,
    call: undefined,
    statusCode: 0,
    truncated: false,
    hasUnknownFields: false,
    lacksFields: false,
    reset: undefined,
    role,
    errorBytes: 0,
    appStatus: 0,
    protocolStatus: 0,
  };
}

/** "HTTP/1.1" → "1.1", "HTTP/2.0" → "2"; "" when it is something else. */
function versionOf(protocol: string | undefined): string {
  if (protocol === "HTTP/1.1") return "1.1";
  const version = /^HTTP\/(\d(?:\.\d)?)$/.exec(protocol ?? "")?.[1] ?? "";
  return version === "2.0" || version === "3.0" ? version.slice(0, 1) : version;
}

/** What the client asked for; a server that does not say it names the script. */
function targetOf({ uri, script, pathInfo, query }: Values): string | undefined {
  if (uri) return uri;
  const path = `${script ?? ""}${pathInfo ?? ""}`;
  if (path === "") return undefined;
  return query ? `${path}?${query}` : path;
}

function schemeOf({ scheme, https }: Values): string | undefined {
  if (scheme) return scheme;
  if (https === undefined) return undefined;
  return https === "" || https.toLowerCase() === "off" ? "http" : "https";
}
