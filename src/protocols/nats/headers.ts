/** The header block of HPUB and HMSG (ADR-4): a status line, then lines of a name and a value. */
import { latin1Of } from "../../lib/bytes.ts";
import { natsLimits } from "./limits.ts";
import type { Headers } from "./types.ts";

export const noHeaders: Headers = {
  status: "",
  description: "",
  traceparent: undefined,
  tracestate: undefined,
  messageId: "",
  errorCode: "",
};

const VERSION = "NATS/1.0";
const STATUS = /^NATS\/1\.0[ \t]+(\d{3})[ \t]*([^\r\n]{0,128})/;

/** Headers of bytes[start..end), which may be only the beginning of the block. */
export function readHeaders(bytes: Uint8Array, start: number, end: number): Headers {
  const text = latin1Of(bytes, start, end);
  if (!text.startsWith(VERSION)) return noHeaders;
  const status = STATUS.exec(text);
  const values = new Map<string, string>();
  let from = text.indexOf("\r\n");
  while (from >= 0) {
    const to = text.indexOf("\r\n", from + 2);
    if (to < 0) break;
    const colon = text.indexOf(":", from + 2);
    if (colon > 0 && colon < to) {
      keep(
        values,
        text
          .slice(from + 2, colon)
          .trimEnd()
          .toLowerCase(),
        [text, colon + 1, to],
      );
    }
    from = to;
  }
  return {
    status: status?.[1] ?? "",
    description: status?.[2] ?? "",
    traceparent: values.get("traceparent"),
    tracestate: values.get("tracestate"),
    messageId: values.get("nats-msg-id") ?? "",
    errorCode: values.get("nats-service-error-code") ?? "",
  };
}

const kept: ReadonlyMap<string, number> = new Map([
  ["traceparent", natsLimits.traceparentCharsMax],
  ["tracestate", natsLimits.tracestateCharsMax],
  ["nats-msg-id", natsLimits.messageIdCharsMax],
  ["nats-service-error-code", 3],
]);

/** The first of several values, when it is not too long. */
function keep(
  values: Map<string, string>,
  name: string,
  [text, start, end]: readonly [string, number, number],
): void {
  const most = kept.get(name);
  if (most === undefined || values.has(name)) return;
  const value = text.slice(start, end).trim();
  if (value !== "" && value.length <= most) values.set(name, value);
}
