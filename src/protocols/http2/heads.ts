/**
 * Field blocks as heads of requests and answers (RFC 9113 section 8.3). Invariant: what a block
 * does not say for certain is undefined.
 */
import type { CapturePolicy } from "../contract.ts";
import type { FieldReader, RequestHead, ResponseHead } from "../http/overlay.ts";
import { overlayCallOf, overlayFields } from "../http/overlays/index.ts";
import { type FieldBlock, type WantedNames, wantedNames } from "./hpack.ts";
import { http2Limits } from "./limits.ts";
import type { Http2Detail } from "./types.ts";

export const http2Fields: WantedNames = wantedNames([
  ":method",
  ":path",
  ":scheme",
  ":authority",
  ":status",
  "host",
  "user-agent",
  "traceparent",
  "tracestate",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  ...overlayFields,
]);

const VERSION = "2";

/** The first value of a field; undefined when there is none, or it is not known. */
export function fieldOf(fields: FieldBlock, name: string): string | undefined {
  for (let index = 0; index < fields.count; index++) {
    if (fields.names[index] === name) return fields.values[index];
  }
  return undefined;
}

/** Whether a block of the client's is a head: one without any pseudo-field is trailers. */
export function isRequestHead(fields: FieldBlock): boolean {
  for (let index = 0; index < fields.count; index++) {
    if (fields.names[index]?.startsWith(":") === true) return true;
  }
  return false;
}

/** 0 = it says none, or it is not known. */
export function statusOf(fields: FieldBlock): number {
  const text = fieldOf(fields, ":status");
  return text !== undefined && /^[1-9]\d\d$/.test(text) ? Number(text) : 0;
}

export function requestDetail(fields: FieldBlock, policy: CapturePolicy | undefined): Http2Detail {
  const method = fieldOf(fields, ":method");
  const authority = fieldOf(fields, ":authority");
  const host = authority ?? fieldOf(fields, "host");
  const path = fieldOf(fields, ":path");
  // RFC 9113 section 8.5: CONNECT has no path, and its authority is the target.
  const target = path ?? (method === "CONNECT" ? authority : undefined);
  const hasUnknown = fields.unknown > 0;
  const call = overlayCallOf(requestHead(fields, method, target, host), policy);
  return {
    version: VERSION,
    method,
    target,
    scheme: fieldOf(fields, ":scheme"),
    host,
    userAgent: fieldOf(fields, "user-agent"),
    forwarded: fieldOf(fields, "forwarded"),
    forwardedFor: fieldOf(fields, "x-forwarded-for"),
    forwardedHost: fieldOf(fields, "x-forwarded-host"),
    forwardedProto: fieldOf(fields, "x-forwarded-proto"),
    call,
    statusCode: 0,
    truncated: false,
    hasUnknownFields: hasUnknown,
    lacksFields: hasUnknown && (target === undefined || method === undefined),
    reset: undefined,
  };
}

function requestHead(
  fields: FieldBlock,
  method: string | undefined,
  target: string | undefined,
  host: string | undefined,
): RequestHead {
  return { ...fieldReader(fields), method, target, host, version: VERSION };
}

export function responseHead(fields: FieldBlock, statusCode: number): ResponseHead {
  return { ...fieldReader(fields), statusCode };
}

export function fieldReader(fields: FieldBlock): FieldReader {
  return { field: (name) => fieldOf(fields, name), hasUnknown: fields.unknown > 0 };
}

/** Of several traceparents none is believed. */
export function traceparentOf(fields: FieldBlock): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < fields.count; index++) {
    if (fields.names[index] !== "traceparent") continue;
    if (found !== undefined) return undefined;
    found = fields.values[index];
  }
  return found;
}

/**
 * W3C Trace Context section 3.3.1: several tracestate fields are one list. A byte of a block may
 * stand for thousands that are in the table: a list that is too long is none.
 */
export function tracestateOf(fields: FieldBlock): string | undefined {
  let joined: string | undefined;
  for (let index = 0; index < fields.count; index++) {
    if (fields.names[index] !== "tracestate") continue;
    const value = fields.values[index] ?? "";
    joined = joined === undefined ? value : `${joined},${value}`;
    if (joined.length > http2Limits.tracestateCharsMax) return undefined;
  }
  return joined;
}
