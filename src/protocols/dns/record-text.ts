/**
 * The data of one record as text, near to the form of zone files. Invariant: names, numbers and
 * services are told; texts, keys, digests and signatures are not, only how long they are.
 */
import { uint16BE, uint32BE } from "../../lib/bytes.ts";
import { ipv4Text, ipv6Text } from "../../lib/ip-text.ts";

import { Type, typeName } from "./codes.ts";
import { type Message, nameAt, quotedOf, skipName } from "./names.ts";

const ALPN = 1;
const PORT = 3;
const IPV4_HINT = 4;
const IPV6_HINT = 6;
/** RFC 9460 14.3.2. */
const parameterNames: readonly string[] = [
  "mandatory",
  "alpn",
  "no-default-alpn",
  "port",
  "ipv4hint",
  "ech",
  "ipv6hint",
  "dohpath",
  "ohttp",
];

/** data ends with the record; names in it may point anywhere in front. undefined = cut. */
export function recordText(type: number, data: Message, at: number): string | undefined {
  const { bytes, end } = data;
  const length = end - at;
  switch (type) {
    case Type.ns:
    case Type.cname:
    case Type.ptr:
    case Type.dname:
    case Type.nsec:
      return nameAt(data, at);
    case Type.mx:
      return length < 3 ? undefined : join(uint16BE(bytes, at), nameAt(data, at + 2));
    case Type.srv:
      if (length < 7) return undefined;
      return join(numbers(bytes, at, 3), nameAt(data, at + 6));
    case Type.soa:
      return soaText(data, at);
    case Type.naptr:
      return naptrText(data, at);
    case Type.caa:
      return caaText(data, at);
    case Type.svcb:
    case Type.https:
      return serviceText(data, at);
    case Type.ds:
      return length < 4 ? undefined : `${uint16BE(bytes, at)} ${bytes[at + 2]} ${bytes[at + 3]}`;
    case Type.dnskey:
      return length < 4 ? undefined : `${uint16BE(bytes, at)} ${bytes[at + 2]} ${bytes[at + 3]}`;
    case Type.sshfp:
      return length < 2 ? undefined : `${bytes[at]} ${bytes[at + 1]}`;
    case Type.tlsa:
      return length < 3 ? undefined : `${bytes[at]} ${bytes[at + 1]} ${bytes[at + 2]}`;
    case Type.rrsig:
      return length < 19 ? undefined : signatureText(data, at);
    default:
      return `(${length} bytes)`;
  }
}

function join(left: number | string, right: string | undefined): string | undefined {
  return right === undefined ? undefined : `${left} ${right}`;
}

function numbers(bytes: Uint8Array, at: number, count: number): string {
  let text = "";
  for (let index = 0; index < count; index++) {
    text += `${index === 0 ? "" : " "}${uint16BE(bytes, at + 2 * index)}`;
  }
  return text;
}

/** The serial number of the SOA record whose data begins at `at`. */
export function serialAt(data: Message, at: number): number | undefined {
  const mailbox = skipName(data, at);
  const behind = mailbox < 0 ? -1 : skipName(data, mailbox);
  return behind < 0 || behind + 20 > data.end ? undefined : uint32BE(data.bytes, behind);
}

function soaText(data: Message, at: number): string | undefined {
  const mailbox = skipName(data, at);
  const behind = mailbox < 0 ? -1 : skipName(data, mailbox);
  if (behind < 0 || behind + 20 > data.end) return undefined;
  const primary = nameAt(data, at);
  const person = nameAt(data, mailbox);
  if (primary === undefined || person === undefined) return undefined;
  let text = `${primary} ${person}`;
  for (let index = 0; index < 5; index++) text += ` ${uint32BE(data.bytes, behind + 4 * index)}`;
  return text;
}

/** Index behind the counted string at `at`, or -1. */
function skipString({ bytes, end }: Message, at: number): number {
  const behind = at + 1 + (bytes[at] ?? 0);
  return at < end && behind <= end ? behind : -1;
}

/** RFC 3403 4.1: order, preference, flags, services, pattern, replacement. */
function naptrText(data: Message, at: number): string | undefined {
  if (at + 4 > data.end) return undefined;
  let text = numbers(data.bytes, at, 2);
  let index = at + 4;
  for (let part = 0; part < 3; part++) {
    const behind = skipString(data, index);
    if (behind < 0) return undefined;
    text += ` "${quotedOf(data.bytes, index + 1, behind)}"`;
    index = behind;
  }
  return join(text, nameAt(data, index));
}

/** RFC 8659 4.1. */
function caaText(data: Message, at: number): string | undefined {
  const value = at + 1 < data.end ? skipString(data, at + 1) : -1;
  if (value < 0) return undefined;
  const tag = quotedOf(data.bytes, at + 2, value);
  return `${data.bytes[at]} ${tag} "${quotedOf(data.bytes, value, data.end)}"`;
}

/** RFC 4034 3.1: type, algorithm, labels, time to live, expiry, inception, tag, signer. */
function signatureText(data: Message, at: number): string | undefined {
  const { bytes } = data;
  const head = `${typeName(uint16BE(bytes, at))} ${bytes[at + 2]} ${bytes[at + 3]}`;
  return join(`${head} ${uint16BE(bytes, at + 16)}`, nameAt(data, at + 18));
}

/** RFC 9460 2.2: priority, target, parameters. */
function serviceText(data: Message, at: number): string | undefined {
  const behind = at + 2 < data.end ? skipName(data, at + 2) : -1;
  const target = behind < 0 ? undefined : nameAt(data, at + 2);
  if (target === undefined) return undefined;
  let text = `${uint16BE(data.bytes, at)} ${target}`;
  let index = behind;
  while (index + 4 <= data.end) {
    const length = uint16BE(data.bytes, index + 2);
    const start = index + 4;
    if (start + length > data.end) return undefined;
    const value = { ...data, end: start + length };
    text += ` ${parameterText(uint16BE(data.bytes, index), value, start)}`;
    index = start + length;
  }
  return text;
}

function parameterText(key: number, value: Message, at: number): string {
  const name = parameterNames[key] ?? `key${key}`;
  const { bytes, end } = value;
  if (key === PORT && end - at === 2) return `${name}=${uint16BE(bytes, at)}`;
  if (key === ALPN) {
    const ids: string[] = [];
    for (let index = at; index < end; ) {
      const behind = skipString(value, index);
      if (behind < 0) return name;
      ids.push(quotedOf(bytes, index + 1, behind));
      index = behind;
    }
    return `${name}=${ids.join(",")}`;
  }
  const size = key === IPV4_HINT ? 4 : key === IPV6_HINT ? 16 : 0;
  if (size === 0 || (end - at) % size !== 0) return name;
  const hints: string[] = [];
  for (let index = at; index < end; index += size)
    hints.push(size === 4 ? ipv4Text(bytes, index) : ipv6Text(bytes, index));
  return `${name}=${hints.join(",")}`;
}
