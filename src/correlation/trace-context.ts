/**
 * W3C Trace Context Level 2, section 3.2: reading a traceparent header. Invariant: what is
 * accepted can be continued; anything else starts a new trace.
 */

export interface RemoteContext {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  /** Only the flags that this level defines: sampled (1) and random trace id (2). */
  readonly traceFlags: number;
}

const VERSION_00_LENGTH = 55;

/** The context of a traceparent, or undefined when the header must be ignored. */
export function parseTraceparent(header: string): RemoteContext | undefined {
  if (header.length < VERSION_00_LENGTH) return undefined;
  const version = hexByte(header, 0);
  if (version < 0 || version === 0xff) return undefined;
  if (version === 0 && header.length !== VERSION_00_LENGTH) return undefined;
  if (header.length > VERSION_00_LENGTH && header[VERSION_00_LENGTH] !== "-") return undefined;
  if (header[2] !== "-" || header[35] !== "-" || header[52] !== "-") return undefined;
  const traceId = hexBytes(header, 3, 16);
  const spanId = hexBytes(header, 36, 8);
  const flags = hexByte(header, 53);
  if (traceId === undefined || spanId === undefined || flags < 0) return undefined;
  return { traceId, spanId, traceFlags: flags & 0x03 };
}

/** Bytes of lowercase hex digits; undefined when a digit is wrong or all of them are zero. */
function hexBytes(text: string, start: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  let any = 0;
  for (let index = 0; index < length; index++) {
    const byte = hexByte(text, start + index * 2);
    if (byte < 0) return undefined;
    bytes[index] = byte;
    any |= byte;
  }
  return any === 0 ? undefined : bytes;
}

function hexByte(text: string, index: number): number {
  const high = hexDigit(text.charCodeAt(index));
  const low = hexDigit(text.charCodeAt(index + 1));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** Uppercase is not allowed by the header's grammar. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  return -1;
}
