/**
 * URLs of a request, without secrets. Invariant: no userinfo and no value of a signing key leaves
 * this file.
 */

/** Query keys whose values are credentials (semantic conventions, url.full; case-sensitive). */
export const SECRET_KEYS: ReadonlySet<string> = new Set([
  "AWSAccessKeyId",
  "Signature",
  "X-Amz-Credential",
  "X-Amz-Security-Token",
  "X-Amz-Signature",
  "X-Goog-Signature",
  "sig",
]);

/** Every secret key holds one of these, so that nearly every query is settled by three searches. */
const FRAGMENTS = ["ig", "X-Amz-", "AWS"];

const REDACTED = "REDACTED";

/** The query (without its question mark) with the values of secret keys replaced. */
export function redactedQuery(query: string): string {
  if (!mayHoldSecret(query)) return query;
  return query.split("&").map(redactedParameter).join("&");
}

function mayHoldSecret(query: string): boolean {
  for (const fragment of FRAGMENTS) if (query.includes(fragment)) return true;
  return false;
}

function redactedParameter(parameter: string): string {
  const equals = parameter.indexOf("=");
  if (equals < 0 || !SECRET_KEYS.has(parameter.slice(0, equals))) return parameter;
  return `${parameter.slice(0, equals)}=${REDACTED}`;
}

/** An authority whose userinfo, when there is one, is replaced. */
export function redactedAuthority(authority: string): string {
  const at = authority.lastIndexOf("@");
  return at < 0 ? authority : `${REDACTED}:${REDACTED}@${authority.slice(at + 1)}`;
}

/** A path with its query, the query redacted. */
export function redactedPath(pathAndQuery: string): string {
  const mark = pathAndQuery.indexOf("?");
  if (mark < 0) return pathAndQuery;
  return pathAndQuery.slice(0, mark + 1) + redactedQuery(pathAndQuery.slice(mark + 1));
}
