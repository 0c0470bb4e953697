/**
 * The packets that open a connection: they have no type, only a length and a code (manual, section
 * "Message Formats": StartupMessage, SSLRequest, GSSENCRequest, CancelRequest). Invariant: of the
 * parameters only those are kept that startupParameters() returns; a cancel key is never read.
 */
import { checkedLength, indexOfByte, textOf, uint32BE } from "../../lib/bytes.ts";
import { type FrameSink, ParseError, type ParseStatus, type StreamView } from "../contract.ts";
import { Frontend } from "./messages.ts";
import { type PostgresqlFrame, type PostgresqlState, postgresqlLimits } from "./types.ts";

const CODE_SSL = 80_877_103;
const CODE_GSS = 80_877_104;
const CODE_CANCEL = 80_877_102;
const PREFIX_BYTES = 8;
/** Process number and key; protocol 3.2 allows keys of up to 256 bytes. */
const CANCEL_BYTES_MIN = 16;
const CANCEL_BYTES_MAX = 12 + 256;
/** A client asks for GSS and for SSL at most. */
const ENCRYPTION_ANSWERS_MAX = 2;

const ANSWER_YES_SSL = 0x53;
const ANSWER_YES_GSS = 0x47;
const ANSWER_NO = 0x4e;

export type StartupKind = "encryption" | "cancel" | "session" | "unsupported" | "more" | "no";

/** What kind of opening packet the view begins with, judged by its first 8 bytes. */
export function startupKind(view: StreamView): StartupKind {
  const { bytes, start, end } = view;
  if (end - start < PREFIX_BYTES) {
    const isLow = bytes[start] === 0 && (end - start < 2 || bytes[start + 1] === 0);
    return isLow ? "more" : "no";
  }
  const length = uint32BE(bytes, start);
  const code = uint32BE(bytes, start + 4);
  if (code === CODE_SSL || code === CODE_GSS) return length === PREFIX_BYTES ? "encryption" : "no";
  if (code === CODE_CANCEL) {
    return checkedLength(length, CANCEL_BYTES_MIN, CANCEL_BYTES_MAX) < 0 ? "no" : "cancel";
  }
  if (checkedLength(length, PREFIX_BYTES + 1, postgresqlLimits.startupBytesMax) < 0) return "no";
  const major = code >>> 16;
  if (major === 3) return "session";
  return major === 2 ? "unsupported" : "no";
}

export interface StartupParameters {
  readonly user: string;
  readonly database: string | undefined;
  readonly applicationName: string | undefined;
}

/**
 * The parameters of a complete StartupMessage at the head of the view; undefined when it is not
 * one: names and values end with 0, the list with another 0, and there is a user.
 */
export function startupParameters(view: StreamView): StartupParameters | undefined {
  const { bytes, start } = view;
  const end = start + uint32BE(bytes, start);
  const values = new Map<string, string>();
  let index = start + PREFIX_BYTES;
  while (index < end - 1) {
    const nameEnd = indexOfByte(bytes, 0, index, end);
    const valueEnd = nameEnd < 0 ? -1 : indexOfByte(bytes, 0, nameEnd + 1, end);
    if (nameEnd <= index || valueEnd < 0) return undefined;
    const name = textOf(bytes, index, nameEnd);
    if (name === "user" || name === "database" || name === "application_name") {
      const value = textOf(bytes, nameEnd + 1, valueEnd);
      values.set(name, value.slice(0, postgresqlLimits.parameterCharsMax));
    }
    index = valueEnd + 1;
  }
  const user = values.get("user");
  if (index !== end - 1 || bytes[index] !== 0 || !user) return undefined;
  return {
    user,
    database: values.get("database") || undefined,
    applicationName: values.get("application_name") || undefined,
  };
}

export function parseStartup(
  view: StreamView,
  state: PostgresqlState,
  out: FrameSink<PostgresqlFrame>,
): ParseStatus {
  const { bytes, start, end } = view;
  const kind = startupKind(view);
  if (kind === "more") return 0;
  if (kind === "unsupported") return ParseError.unsupportedVersion;
  if (kind === "no") return ParseError.malformed;
  const length = uint32BE(bytes, start);
  if (end - start < length) return 0;
  if (kind === "encryption") {
    if (state.encryptionAnswers >= ENCRYPTION_ANSWERS_MAX) return ParseError.malformed;
    state.encryptionAnswers++;
    return length;
  }
  const parameters = kind === "session" ? startupParameters(view) : undefined;
  if (kind === "session") {
    if (parameters === undefined) return ParseError.malformed;
    // The server takes the user's name for a database that is not named.
    state.database = parameters.database ?? parameters.user;
    state.applicationName = parameters.applicationName;
  }
  out.frame({
    type: kind === "session" ? Frontend.startup : Frontend.cancel,
    startNs: view.timeAt(start),
    endNs: view.timeAt(start + length - 1),
    tid: view.tidAt(start),
    eventLoop: view.eventLoopAt(start),
    name: "",
    target: "",
    text: "",
    flag: false,
  });
  return length;
}

/** The server's one byte: encryption begins, or the client goes on in plaintext. */
export function parseEncryptionAnswer(
  view: StreamView,
  state: PostgresqlState,
  out: FrameSink<PostgresqlFrame>,
): ParseStatus {
  const answer = view.bytes[view.start];
  state.encryptionAnswers--;
  if (answer === ANSWER_NO) return 1;
  if (answer === ANSWER_YES_SSL) out.handOver("tls");
  else if (answer === ANSWER_YES_GSS) out.handOver("opaque");
  else return ParseError.malformed;
  return 1;
}
