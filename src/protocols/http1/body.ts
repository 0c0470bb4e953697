/** Pieces of bodies for the overlay that has asked for them. */
import type { Side } from "../../model/connection.ts";
import type { PassedPiece } from "../contract.ts";
import { type Http1State, type Lane, Phase } from "./types.ts";

/** Body bytes stand in the view. */
export function showBody(lane: Lane, piece: PassedPiece): void {
  const { call, side } = lane;
  if (call === undefined || piece.end <= piece.start || !call.wantsBody(side)) return;
  const { bytes, start, end } = piece;
  call.moves?.(side, piece.timeNs);
  if (bytes === undefined) call.missed?.(side, end - start);
  else call.body?.(side, bytes, start, end);
}

/** A piece of a skip: what is behind the body is the line end of a chunk. */
export function passing(piece: PassedPiece, side: Side, state: Http1State): void {
  const lane = side === "request" ? state.request : state.response;
  const { start } = piece;
  const length = Math.min(piece.end - start, lane.bodyLeft);
  lane.bodyLeft -= length;
  showBody(lane, { ...piece, end: start + length });
}

/** Bytes of the direction were lost while a body was under way. */
export function missBody(lane: Lane): void {
  const { call, side, phase } = lane;
  lane.call = undefined;
  if (phase === Phase.head || phase === Phase.seek) return;
  if (call?.wantsBody(side) === true) call.missed?.(side, Number.POSITIVE_INFINITY);
}
