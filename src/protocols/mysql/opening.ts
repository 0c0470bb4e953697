/**
 * The opening of a connection: greeting, TLS, the client's answer, authentication. Invariant: what
 * authenticates is passed over; the opening ends with the server's OK.
 */
import { type FrameSink, ParseError, type ParseStatus, type StreamView } from "../contract.ts";
import { ERROR, OK, readOk } from "./answers.ts";
import { leaveDoubt } from "./doubt.ts";
import { payloadAt, readClientHello, readGreeting } from "./handshake.ts";
import { mysqlLimits } from "./limits.ts";
import { Capability, HEADER_BYTES, type Packet } from "./packets.ts";
import { applyStatus } from "./responses.ts";
import { forgetStatements } from "./statements.ts";
import type { MysqlFrame, MysqlState } from "./types.ts";

/** The server's packet at the head of the view while the connection opens. */
export function readOpeningAnswer(packet: Packet, state: MysqlState): ParseStatus {
  const { bytes, from, seen, size } = packet;
  const lead = bytes[from] ?? 0;
  if (state.greeting === undefined && packet.sequence === 0 && lead !== ERROR) {
    const greeting = readGreeting({ bytes, from, end: from + size }, seen);
    if (greeting === undefined) return ParseError.malformed;
    if (greeting === "more") return 0;
    state.greeting = greeting;
    state.isMariaDb = greeting.isMariaDb;
    state.backslash = greeting.backslash;
    return 1;
  }
  if (lead !== OK || state.capabilities === undefined) return 1;
  const completion = readOk(packet, (state.capabilities & Capability.sessionTrack) !== 0);
  if (completion === undefined) return 1;
  applyStatus(state, completion);
  state.stage = "commands";
  if (state.doubt) leaveDoubt(state);
  return 1;
}

/** The client's packet at the head of the view while the connection opens. */
export function readOpeningRequest(
  view: StreamView,
  state: MysqlState,
  out: FrameSink<MysqlFrame>,
): ParseStatus {
  if (state.capabilities !== undefined) return 1;
  const payload = payloadAt(view.bytes, view.start);
  if (payload.end - payload.from > mysqlLimits.handshakeBytesMax) return ParseError.malformed;
  if (payload.end > view.end) return 0;
  const hello = readClientHello(payload);
  // Before version 4.1 everything was different.
  if (hello === undefined) return ParseError.unsupportedVersion;
  if (hello.encrypts) {
    out.handOver("tlsResume");
    return 1;
  }
  const offered = state.greeting?.capabilities;
  state.capabilities = (hello.capabilities & (offered ?? 0xffff_ffff)) >>> 0;
  state.isMariaDb ||= hello.isMariaDb;
  state.database = hello.database;
  state.program = hello.program;
  forgetStatements(state);
  // What the server can do is not known without its greeting: then the packets tell.
  const compressing = (state.capabilities & (Capability.compress | Capability.zstd)) !== 0;
  state.compressed = compressing && offered === undefined ? undefined : compressing;
  const noEof = (state.capabilities & Capability.deprecateEof) !== 0;
  state.deprecateEof = noEof && offered === undefined ? undefined : noEof;
  return 1;
}

/** Whether a whole greeting stands at the head of the view: a session begins. */
export function isGreeting(view: StreamView): boolean {
  const { bytes, start, end } = view;
  if (end - start <= HEADER_BYTES || bytes[start + 3] !== 0) return false;
  const greeting = readGreeting(payloadAt(bytes, start), end);
  return greeting !== undefined && greeting !== "more";
}
