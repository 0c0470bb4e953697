/** The overlays in the order in which they are asked; the stricter test comes first. */
import type { CapturePolicy } from "../../contract.ts";
import type { Overlay, OverlayCall, RequestHead } from "../overlay.ts";
import { connect } from "./connect/index.ts";
import { elasticsearch } from "./elasticsearch/index.ts";
import { genai } from "./genai/index.ts";
import { graphql } from "./graphql/index.ts";
import { grpc } from "./grpc/index.ts";
import { jsonPostOf } from "./json-post.ts";
import { jsonrpc } from "./jsonrpc/index.ts";
import { s3 } from "./s3/index.ts";

export const overlays: readonly Overlay[] = [
  ...[grpc, connect, s3, genai, elasticsearch, graphql, jsonrpc],
];

/** Fields that HTTP itself does not need, but an overlay does. */
export const overlayFields: readonly string[] = [
  ...new Set(overlays.flatMap((overlay) => overlay.fields)),
];

/** The call of the overlay whose request this is. */
export function overlayCallOf(head: RequestHead, policy?: CapturePolicy): OverlayCall | undefined {
  for (const overlay of overlays) {
    const call = overlay.begin(head, policy);
    if (call !== undefined) return call;
  }
  return jsonPostOf(head);
}
