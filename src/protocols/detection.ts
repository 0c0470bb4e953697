/**
 * Which protocol the bytes of a connection's two directions are. Invariant: pure; the same bytes
 * give the same choice, however they were cut.
 */
import type { Direction, Role, Side } from "../model/connection.ts";
import type { Detection, Protocol, StreamView } from "./contract.ts";
import { otherDirection, roleOf, sideOf } from "./sides.ts";

export type Views = Readonly<Record<Direction, StreamView>>;

export interface Choice {
  readonly protocol: Protocol;
  readonly role: Role;
  /** Directions that begin with a frame of it. */
  readonly begins: Readonly<Record<Direction, boolean>>;
  readonly rank: number;
}

/** more: bytes may still decide. none: nobody claims these bytes. */
export type Look = Choice | "more" | "none";

/** Lower is surer. */
const RANK_BOTH = 0;
const RANK_ONE = 1;
const RANK_CONTRADICTED = 2;
const RANK_NONE = 3;

/**
 * The surest of the protocols, of equals the first. A stricter one that only wants more bytes holds
 * up the ones behind it as long as one direction alone has spoken, unless no more are to come.
 */
export function choose(
  protocols: readonly Protocol[],
  views: Views,
  role: Role,
  isFinal = false,
): Look {
  const isOneSided = views.in.end === views.in.start || views.out.end === views.out.start;
  let best: Choice | undefined;
  let waits = false;
  for (const protocol of protocols) {
    const found = judge(protocol, views, role);
    if (found === "more") waits = true;
    if (typeof found === "string") continue;
    if (waits && isOneSided && !isFinal && best === undefined) continue;
    if (best === undefined || found.rank < best.rank) best = found;
  }
  return best ?? (waits ? "more" : "none");
}

/** How well one protocol fits both directions. */
export function judge(protocol: Protocol, views: Views, role: Role): Look {
  const verdicts = {
    in: verdictOf(protocol, views.in, sideOf(role, "in")),
    out: verdictOf(protocol, views.out, sideOf(role, "out")),
  };
  const isSame = isSide(verdicts.in) && verdicts.in === verdicts.out;
  // Which end is which, more bytes must tell.
  if (isSame) return "more";
  const rank = rankOf(verdicts.in, verdicts.out);
  if (rank === RANK_NONE) {
    const mayBe = verdicts.in === "more" || verdicts.out === "more";
    return mayBe ? "more" : "none";
  }
  const speaks: Direction = isSide(verdicts.in) ? "in" : "out";
  const side = verdicts[speaks] as Side;
  const learnt = role === "unknown" ? roleOf(speaks, side) : role;
  const other = otherDirection(speaks);
  const otherBegins = verdicts[other] === sideOf(learnt, other);
  return {
    protocol,
    role: learnt,
    begins: speaks === "in" ? { in: true, out: otherBegins } : { in: otherBegins, out: true },
    rank,
  };
}

type Verdict = Detection | "silent";

function verdictOf(protocol: Protocol, view: StreamView, expected: Side | undefined): Verdict {
  if (view.end === view.start) return "silent";
  const found = protocol.detect(view);
  return isSide(found) && expected !== undefined && found !== expected ? "no" : found;
}

function rankOf(one: Verdict, other: Verdict): number {
  if (isSide(one) && isSide(other)) return RANK_BOTH;
  if (!isSide(one) && !isSide(other)) return RANK_NONE;
  return one === "no" || other === "no" ? RANK_CONTRADICTED : RANK_ONE;
}

function isSide(verdict: Verdict): verdict is Side {
  return verdict === "request" || verdict === "response";
}

const TLS_HANDSHAKE = 22;
const TLS_APPLICATION_DATA = 23;
const TLS_CONTENT_TYPES = [20, 21, TLS_HANDSHAKE, TLS_APPLICATION_DATA];
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
/** RFC 8446 section 5.1 and 5.2: 2^14 bytes, and 2048 of expansion in TLS 1.2. */
const TLS_RECORD_BYTES_MAX = 16_384 + 2_048;

/** A ClientHello or ServerHello begins here (RFC 8446 section 4): nothing else begins so. */
export function isTlsHello({ bytes, start, end }: StreamView): boolean {
  const type = bytes[start + 5] ?? 0;
  const isHello = type === CLIENT_HELLO || type === SERVER_HELLO;
  return end - start > 5 && bytes[start] === TLS_HANDSHAKE && isHello && isRecord(bytes, start);
}

/** A record of TLS begins here (RFC 8446 section 5.1); five bytes are asked for. */
export function isTlsRecord({ bytes, start, end }: StreamView): boolean {
  if (end - start < 5 || !TLS_CONTENT_TYPES.includes(bytes[start] ?? 0)) return false;
  return isRecord(bytes, start);
}

function isRecord(bytes: Uint8Array, start: number): boolean {
  const length = ((bytes[start + 3] ?? 0) << 8) | (bytes[start + 4] ?? 0);
  const minor = bytes[start + 2] ?? 255;
  return bytes[start + 1] === 3 && minor <= 4 && length > 0 && length <= TLS_RECORD_BYTES_MAX;
}
