/** What a gRPC call ended with (gRPC over HTTP/2, "Responses" and "Errors"). */

const NAMES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** Statuses that are a server's own failure (docs/rpc/grpc.md). */
const SERVER_ERRORS: ReadonlySet<string> = new Set([
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
]);

/** The name of a grpc-status; a number without a name is UNKNOWN. */
export function statusName(text: string): string {
  return (/^\d{1,3}$/.test(text) ? NAMES[Number(text)] : undefined) ?? "UNKNOWN";
}

export function isServerError(status: string): boolean {
  return SERVER_ERRORS.has(status);
}

/** The status that an answer without grpc-status stands for, by its HTTP status. */
export function statusOfHttp(code: number): string {
  switch (code) {
    case 400:
      return "INTERNAL";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "UNIMPLEMENTED";
    case 429:
    case 502:
    case 503:
    case 504:
      return "UNAVAILABLE";
    default:
      return "UNKNOWN";
  }
}

/** The status that a reset stream stands for, by the name of its error code. */
export function statusOfReset(code: string): string {
  switch (code) {
    case "REFUSED_STREAM":
    case "GOAWAY":
      return "UNAVAILABLE";
    case "CANCEL":
      return "CANCELLED";
    case "ENHANCE_YOUR_CALM":
      return "RESOURCE_EXHAUSTED";
    case "INADEQUATE_SECURITY":
      return "PERMISSION_DENIED";
    case "STREAM_CLOSED":
    case "HTTP_1_1_REQUIRED":
      return "UNKNOWN";
    default:
      return "INTERNAL";
  }
}

const UNIT_NS: Readonly<Record<string, number>> = {
  H: 3600e9,
  M: 60e9,
  S: 1e9,
  m: 1e6,
  u: 1e3,
  n: 1,
};

/** grpc-timeout in ns; undefined when there is none, or it is malformed. */
export function timeoutNs(text: string | undefined): number | undefined {
  const parts = /^(\d{1,8})([HMSmun])$/.exec(text ?? "");
  const unit = UNIT_NS[parts?.[2] ?? ""];
  return parts === null || unit === undefined ? undefined : Number(parts[1]) * unit;
}
