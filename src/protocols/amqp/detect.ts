/**
 * Recognises AMQP 0-9-1 by the protocol header, by the server's connection.start, or by whole
 * frames when capture joins in the middle. Invariant: rather no or more than a wrong side; AMQP 1.0
 * and the drafts before 0-9-1 are not ours.
 */
import { uint16BE, uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import { isContentHeader, readArguments } from "./fields.ts";
import {
  END_OCTET,
  FrameType,
  frameBytes,
  HEADER_BYTES,
  PROTOCOL_HEADER,
  protocolHeaderBytes,
} from "./frames.ts";
import { amqpLimits } from "./limits.ts";
import { Method, methods } from "./methods.ts";
import type { AmqpState } from "./types.ts";

/**
 * What stands at an index. whole: a frame with its end octet. begun: the beginning of one whose
 * contents are right as far as they are here. more: too little to tell.
 */
interface Look {
  readonly verdict: "no" | "more" | "begun" | "whole";
  readonly size: number;
  /** Who has sent it, where that can be told. */
  readonly side: Side | "both";
}

const no: Look = { verdict: "no", size: 0, side: "both" };
const METHOD_END = HEADER_BYTES + 4;
const CONTENT_END = HEADER_BYTES + 14;

function look(view: StreamView, index: number, payloadBytesMax: number): Look {
  const { bytes, end } = view;
  const type = bytes[index] ?? 0;
  const here = end - index;
  if (type !== FrameType.heartbeat && (type < 1 || type > 3)) return no;
  if (here < HEADER_BYTES) return { ...no, verdict: "more" };
  const size = frameBytes(bytes, index, payloadBytesMax);
  if (size < 0 || uint16BE(bytes, index + 1) > amqpLimits.plausibleChannelMax) return no;
  if (here >= size && bytes[index + size - 1] !== END_OCTET) return no;
  const found: Look = { verdict: here >= size ? "whole" : "begun", size, side: "both" };
  if (type === FrameType.method) return lookAtMethod(view, index, found);
  if (type === FrameType.header) {
    if (here < CONTENT_END) return { ...found, verdict: "more" };
    return isContentHeader(bytes, index + HEADER_BYTES, end) ? found : no;
  }
  // Seven bytes of a body or a heartbeat are no proof.
  return found.verdict === "whole" ? found : { ...found, verdict: "more" };
}

function lookAtMethod({ bytes, end }: StreamView, index: number, found: Look): Look {
  if (end - index < METHOD_END) return { ...found, verdict: "more" };
  const method = uint32BE(bytes, index + HEADER_BYTES);
  const info = methods.get(method);
  if (info === undefined) return no;
  if (found.verdict === "whole") {
    const to = index + found.size - 1;
    if (readArguments(bytes, index + METHOD_END, to, info.layout) === undefined) return no;
  }
  return { ...found, side: info.from };
}

export function detect(view: StreamView): Detection {
  const { bytes, start, end } = view;
  const header = protocolHeaderBytes(bytes, start, end);
  if (header >= 0) return header === PROTOCOL_HEADER.length ? "request" : "more";
  let index = start;
  for (let frames = 0; frames < amqpLimits.detectFramesMax && index < end; frames++) {
    const { verdict, size, side } = look(view, index, amqpLimits.payloadBytesMax);
    if (verdict === "no") return "no";
    if (verdict !== "whole") return bytes[index] === FrameType.body ? bodyBegins(view) : "more";
    if (side !== "both") return isOpening(view, index) ? side : "no";
    index += size;
  }
  return "more";
}

/** Seven bytes of a body are too little to hold up others for. */
function bodyBegins({ start, end }: StreamView): Detection {
  return end - start < HEADER_BYTES ? "more" : "no";
}

/** connection.start tells its version: 0-9 is what 0-9-1 calls itself there. */
function isOpening({ bytes }: StreamView, index: number): boolean {
  if (uint32BE(bytes, index + HEADER_BYTES) !== Method.start) return true;
  return bytes[index + METHOD_END] === 0 && bytes[index + METHOD_END + 1] === 9;
}

/**
 * First index at which a frame can begin. At the head of the view the beginning of a frame is
 * enough, since what is captured after a loss begins with a call of the program; elsewhere it must
 * be whole, and a body's must be followed by another frame or by nothing.
 */
export function resync(view: StreamView, side: Side, state: AmqpState): number {
  const { bytes, start, end } = view;
  if (protocolHeaderBytes(bytes, start, end) === PROTOCOL_HEADER.length) return start;
  for (let index = start; index < end; index++) {
    const type = bytes[index] ?? 0;
    if (type > FrameType.heartbeat || type === 0) continue;
    const found = look(view, index, state.payloadBytesMax);
    if (found.side !== "both" && found.side !== side) continue;
    if (found.verdict === "begun" && index === start) return index;
    if (found.verdict !== "whole") continue;
    const next = index + found.size;
    if (next >= end || look(view, next, state.payloadBytesMax).verdict !== "no") return index;
  }
  return -1;
}
