/**
 * What is kept of one request and its answer, whatever the version of HTTP. Invariant: a field that
 * was not seen for certain is undefined, and nothing here refers to the bytes of a view.
 */
import type { OverlayCall, Reset } from "./overlay.ts";

export interface HttpDetail {
  /** network.protocol.version: "1.1", "2". */
  readonly version: string;
  readonly method: string | undefined;
  /** As sent, in one of the four forms of RFC 9112 section 3.2; of HTTP/2 its :path. */
  readonly target: string | undefined;
  /** :scheme of HTTP/2. */
  readonly scheme: string | undefined;
  /** Host or :authority. */
  readonly host: string | undefined;
  readonly userAgent: string | undefined;
  readonly forwarded: string | undefined;
  readonly forwardedFor: string | undefined;
  readonly forwardedHost: string | undefined;
  readonly forwardedProto: string | undefined;
  /** What a protocol on top of HTTP has recognised. */
  call: OverlayCall | undefined;
  /** Of the final answer; 0 = none seen, or unknown. */
  statusCode: number;
  /** True when bytes of it were lost, or its pairing is not certain. */
  truncated: boolean;
  /**
   * HTTP/2: the request's head referred to fields that were sent before capture began or in a loss;
   * fields that are undefined may have been among them.
   */
  readonly hasUnknownFields: boolean;
  /** A field without which the span would say something else may be among the unknown ones. */
  lacksFields: boolean;
  reset: Reset | undefined;
}
