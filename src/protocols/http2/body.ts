/** Pieces of bodies for the overlay that has asked for them. */
import type { Side } from "../../model/connection.ts";
import type { PassedPiece } from "../contract.ts";
import type { Stream } from "./types.ts";

export function showBody(stream: Stream | undefined, side: Side, piece: PassedPiece): void {
  const call = stream?.exchange.detail.call;
  if (call === undefined || piece.end <= piece.start || !call.wantsBody(side)) return;
  const { bytes, start, end } = piece;
  call.moves?.(side, piece.timeNs);
  if (bytes === undefined) call.missed?.(side, end - start);
  else call.body?.(side, bytes, start, end);
}

/** Bytes of the side were lost: how many of this stream's is not known. */
export function missBody(stream: Stream, side: Side): void {
  const { call } = stream.exchange.detail;
  if (call?.wantsBody(side) === true) call.missed?.(side, Number.POSITIVE_INFINITY);
}
