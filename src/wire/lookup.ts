/**
 * Payload of LOOKUP → Lookup. Invariant: nothing outside the payload is read, and a payload whose
 * parts do not fill it exactly is malformed.
 */
import { textOf } from "../lib/bytes.ts";
import { ipv4Text, ipv6Text } from "../lib/ip-text.ts";
import type { Lookup } from "../model/lookup.ts";
import type { DropReason } from "../self/drops.ts";
import { LOOKUP_BYTES, lookup, lookupOffset } from "./layout.ts";

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const TWO_32 = 2 ** 32;
/** No name has these; a program that asks for one gets no answer. */
const CONTROL = /\p{Cc}/u;

export function decodeLookup(payload: Uint8Array): Lookup | DropReason {
  if (payload.length < LOOKUP_BYTES) return "message_malformed";
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const nameBytes = view.getUint16(lookupOffset.nameBytes, true);
  const nameEnd = LOOKUP_BYTES + nameBytes;
  if (nameBytes > lookup.nameBytesMax || nameEnd > payload.length) return "message_malformed";
  const addresses = addressesOf(payload, nameEnd, view.getUint8(lookupOffset.addresses));
  if (addresses === undefined) return "message_malformed";
  const name = textOf(payload, LOOKUP_BYTES, nameEnd);
  return {
    name: CONTROL.test(name) ? "" : name,
    result: view.getInt32(lookupOffset.result, true),
    error: view.getInt32(lookupOffset.error, true),
    family: view.getUint8(lookupOffset.family),
    addresses,
    hasMore: (view.getUint8(lookupOffset.flags) & lookup.flagMore) !== 0,
    durationNs:
      view.getUint32(lookupOffset.duration + 4, true) * TWO_32 +
      view.getUint32(lookupOffset.duration, true),
  };
}

function addressesOf(bytes: Uint8Array, start: number, count: number): string[] | undefined {
  if (count > lookup.addressesMax) return undefined;
  const addresses: string[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    const length = bytes[at] ?? 0;
    if (length !== IPV4_BYTES && length !== IPV6_BYTES) return undefined;
    if (at + 1 + length > bytes.length) return undefined;
    addresses.push(length === IPV4_BYTES ? ipv4Text(bytes, at + 1) : ipv6Text(bytes, at + 1));
    at += 1 + length;
  }
  return at === bytes.length ? addresses : undefined;
}
