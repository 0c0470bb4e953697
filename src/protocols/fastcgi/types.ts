/**
 * What the stages of this protocol hand to each other. Invariant: nothing here refers to the bytes
 * of a view, and of parameters only those that params.ts names are kept.
 */
import type { Exchange } from "../../model/exchange.ts";
import type { ExchangeStart } from "../contract.ts";
import type { HttpDetail } from "../http/types.ts";
import type { Params } from "./params.ts";

export interface FastcgiDetail extends HttpDetail {
  /** 1 responder, 2 authorizer, 3 filter. */
  readonly role: number;
  /** Bytes of the application's error stream. */
  errorBytes: number;
  /** Of END_REQUEST; 0 until then. */
  appStatus: number;
  protocolStatus: number;
}

export interface BeginFrame {
  readonly kind: "begin";
  readonly id: number;
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  readonly role: number;
}

export interface RequestFrame extends ExchangeStart<FastcgiDetail> {
  readonly kind: "request";
  readonly id: number;
}

export interface AbortFrame {
  readonly kind: "abort";
  readonly id: number;
}

/** The application's header has ended. */
export interface HeadFrame {
  readonly kind: "head";
  readonly id: number;
  /** 0 = it says none that is known. */
  readonly statusCode: number;
}

export interface ErrorsFrame {
  readonly kind: "errors";
  readonly id: number;
  readonly bytes: number;
}

export interface EndFrame {
  readonly kind: "end";
  readonly id: number;
  readonly endNs: number;
  readonly appStatus: number;
  readonly protocolStatus: number;
}

export type FastcgiFrame =
  | BeginFrame
  | RequestFrame
  | AbortFrame
  | HeadFrame
  | ErrorsFrame
  | EndFrame;

/** A request from its BEGIN_REQUEST to its END_REQUEST. */
export interface Running {
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  readonly role: number;
  /** Until the stream of parameters has ended. */
  params: Params | undefined;
  /** Set when the stream of parameters has ended. */
  exchange: Exchange<FastcgiDetail> | undefined;
  /** Output before the end of its header; undefined when that has been read. */
  head: Uint8Array | undefined;
}

export interface Lane {
  /** Bytes were lost: nothing is believed until a record is found. */
  seeking: boolean;
}

export interface FastcgiState {
  readonly request: Lane;
  readonly response: Lane;
  /** By request id. */
  readonly running: Map<number, Running>;
}
