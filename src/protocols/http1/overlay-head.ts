/**
 * The head that parse.ts has before it, as overlays see it. Invariant: it refers to the bytes of
 * one view, and is used during one call only; a field is looked for when an overlay asks for it.
 */
import type { CapturePolicy } from "../contract.ts";
import type { OverlayCall, RequestHead, ResponseHead } from "../http/overlay.ts";
import { overlayCallOf } from "../http/overlays/index.ts";
import type { Fields, ValueRange } from "./fields.ts";
import { COLON, decodeText, isBlank, LF, sameTextAnyCase } from "./syntax.ts";
import type { Http1Detail } from "./types.ts";

const NO_BYTES = new Uint8Array();

class Http1Head implements RequestHead, ResponseHead {
  readonly hasUnknown = false;
  method = "";
  target = "";
  host: string | undefined;
  userAgent: string | undefined;
  version = "1.1";
  statusCode = 0;
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;
  fields: Fields | undefined;
  #contentType: string | undefined;

  begin({ bytes, start, end }: HeadRange, fields: Fields): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.fields = fields;
    this.#contentType = undefined;
  }

  field(name: string): string | undefined {
    const { fields } = this;
    switch (name) {
      case "content-type":
        this.#contentType ??= this.#noted(fields?.contentType);
        return this.#contentType;
      case "x-amz-date":
        return this.#noted(fields?.amzDate);
      case "x-amz-content-sha256":
        return this.#noted(fields?.amzHash);
      case "user-agent":
        return this.userAgent ?? this.#search(name);
      default:
        return this.#search(name);
    }
  }

  #noted(range: ValueRange | undefined): string | undefined {
    if (range === undefined || range.count === 0) return undefined;
    return decodeText(this.bytes, range.start, range.end);
  }

  #search(name: string): string | undefined {
    const { bytes, end } = this;
    for (let line = this.start; line < end; ) {
      const lineFeed = bytes.indexOf(LF, line);
      if (lineFeed < 0 || lineFeed >= end) return undefined;
      const colon = line + name.length;
      if (bytes[colon] === COLON && sameTextAnyCase(bytes, line, colon, name)) {
        return trimmedText(bytes, colon + 1, lineFeed);
      }
      line = lineFeed + 1;
    }
    return undefined;
  }
}

function trimmedText(bytes: Uint8Array, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(bytes[from] ?? 0)) from++;
  while (to > from && isBlank(bytes[to - 1] ?? 0)) to--;
  return decodeText(bytes, from, to);
}

/** The one that is used again for each head. */
const scratch = new Http1Head();

/** Where the field lines of a head stand, behind its first line. */
export interface HeadRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What a protocol on top of HTTP makes of the request. */
export function callOf(
  range: HeadRange,
  fields: Fields,
  detail: Http1Detail,
  policy: CapturePolicy | undefined,
): OverlayCall | undefined {
  scratch.begin(range, fields);
  scratch.method = detail.method;
  scratch.target = detail.target;
  scratch.host = detail.host;
  scratch.userAgent = detail.userAgent;
  scratch.version = detail.version;
  const call = overlayCallOf(scratch, policy);
  scratch.bytes = NO_BYTES;
  return call;
}

export function tellAnswer(
  range: HeadRange,
  fields: Fields,
  call: OverlayCall,
  statusCode: number,
): void {
  scratch.begin(range, fields);
  scratch.userAgent = undefined;
  scratch.statusCode = statusCode;
  call.answered?.(scratch);
  scratch.bytes = NO_BYTES;
}
