/**
 * gRPC failures → ExportResult, by the OTLP specification ("OTLP/gRPC response", "throttling").
 * Invariant: a failure that no server stated is a retry, because the server may come back.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import type { ExportResult } from "../result.ts";

const retryable: ReadonlySet<Code> = new Set([
  Code.Canceled,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.OutOfRange,
  Code.Unavailable,
  Code.DataLoss,
]);

/** abandoned: the caller itself gave the call up. */
export function resultOfError(thrown: unknown, abandoned: boolean): ExportResult {
  const error = ConnectError.from(thrown);
  const reason = reasonOf(error);
  if (abandoned) return { kind: "drop", reason };
  const delayMs = retryDelayMs(error);
  if (!statedByServer(error)) return { kind: "retry", reason, delayMs: undefined };
  const retry =
    retryable.has(error.code) || (error.code === Code.ResourceExhausted && delayMs !== undefined);
  return retry ? { kind: "retry", reason, delayMs } : { kind: "drop", reason };
}

/** The attempt's own time ran out before any answer. */
export function isUnanswered(thrown: unknown): boolean {
  const error = ConnectError.from(thrown);
  return error.code === Code.DeadlineExceeded && !statedByServer(error);
}

/**
 * A status from the server, or from the HTTP response of something in front of it, comes with that
 * response's headers. Failures of the connection have none: connect-node gives them codes like
 * Internal (a GOAWAY) or Canceled (a reset), which would be final had the server said them.
 */
function statedByServer(error: ConnectError): boolean {
  for (const _ of error.metadata.keys()) return true;
  return false;
}

/** RetryInfo.retry_delay in ms; undefined without one. */
function retryDelayMs(error: ConnectError): number | undefined {
  for (const { retryDelay } of error.findDetails(RetryInfoSchema)) {
    if (retryDelay === undefined) continue;
    return Math.max(0, Number(retryDelay.seconds) * 1_000 + retryDelay.nanos / 1e6);
  }
  return undefined;
}

/** One line: the status, and what the system said of the connection. */
function reasonOf(error: ConnectError): string {
  const cause = error.cause instanceof Error ? error.cause.message : "";
  const text =
    cause === "" || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
  return text.replaceAll(/\p{Cc}+/gu, " ").slice(0, 500);
}
