/** The overlays in the order in which they are asked; the stricter test comes first. */
import type { Overlay, OverlayCall, RequestHead } from "../overlay.ts";
import { connect } from "./connect/index.ts";
import { grpc } from "./grpc/index.ts";

export const overlays: readonly Overlay[] = [grpc, connect];

/** Fields that HTTP itself does not need, but an overlay does. */
export const overlayFields: readonly string[] = [
  ...new Set(overlays.flatMap((overlay) => overlay.fields)),
];

/** The call of the overlay whose request this is. */
export function overlayCallOf(head: RequestHead): OverlayCall | undefined {
  for (const overlay of overlays) {
    const call = overlay.begin(head);
    if (call !== undefined) return call;
  }
  return undefined;
}
