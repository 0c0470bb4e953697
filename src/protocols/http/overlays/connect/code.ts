/** Error codes of Connect ("Error Codes" of the protocol's reference). */

const CODES: ReadonlySet<string> = new Set([
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
]);

/** Codes that are a server's own failure (docs/rpc/connect-rpc.md). */
const SERVER_ERRORS: ReadonlySet<string> = new Set([
  "unknown",
  "deadline_exceeded",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
]);

export function isCode(text: string): boolean {
  return CODES.has(text);
}

export function isServerError(code: string): boolean {
  return SERVER_ERRORS.has(code);
}

/** What a status without an error in its body stands for. */
export function codeOfHttp(status: number): string {
  switch (status) {
    case 400:
      return "internal";
    case 401:
      return "unauthenticated";
    case 403:
      return "permission_denied";
    case 404:
      return "unimplemented";
    case 429:
    case 502:
    case 503:
    case 504:
      return "unavailable";
    default:
      return "unknown";
  }
}

/** What a reset stream stands for, by the name of its error code. */
export function codeOfReset(name: string): string | undefined {
  switch (name) {
    case "NO_ERROR":
      return undefined;
    case "CANCEL":
      return "canceled";
    case "REFUSED_STREAM":
    case "GOAWAY":
      return "unavailable";
    case "ENHANCE_YOUR_CALM":
      return "resource_exhausted";
    case "INADEQUATE_SECURITY":
      return "permission_denied";
    default:
      return "internal";
  }
}
