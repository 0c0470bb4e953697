/**
 * The C header against every TypeScript statement of the same numbers. Invariant: a field that one
 * side has and the other does not, or has elsewhere, fails here.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CONTROL_BYTES,
  childrenMode,
  controlOffset,
  controlSwitch,
  RECORD_HEADER_BYTES,
  REFUSED_MAX,
  RING_COUNTERS,
  RING_HEADER_BYTES,
  RING_MAGIC,
  RING_PADDING,
  RING_VERSION,
  RING_WORD_BYTES,
  ringCounter,
  ringOffset,
  ringStamp,
  ringUnits,
  ringVerdict,
} from "../../src/hook/layout.ts";
import { limits } from "../../src/limits.ts";
import { MessageFlag, MessageType } from "../../src/model/message.ts";
import {
  addressBytes,
  DATAGRAM_PEER_BYTES,
  HEADER_BYTES,
  headerOffset,
  LOOKUP_BYTES,
  lookup,
  lookupOffset,
  processHello,
  WIRE_VERSION,
} from "../../src/wire/layout.ts";

const HEADER = join(import.meta.dir, "../../libolly/include/olly_wire.h");

/** Positions whose stamps are compared: laps, beyond 32 bits, beyond 35 bits. */
const POSITIONS = [0, 8, 4096, 4_194_304, 2 ** 31 + 16, 2 ** 32 + 8, 2 ** 35 + 8, 2 ** 52 + 64];

const expected: Record<string, number> = {
  "sizeof(struct olly_header)": HEADER_BYTES,
  "offsetof(struct olly_header, msg_type)": headerOffset.type,
  "offsetof(struct olly_header, flags)": headerOffset.flags,
  "offsetof(struct olly_header, seq)": headerOffset.sequence,
  "offsetof(struct olly_header, pid)": headerOffset.pid,
  "offsetof(struct olly_header, tid)": headerOffset.tid,
  "offsetof(struct olly_header, fd)": headerOffset.fd,
  "offsetof(struct olly_header, payload_len)": headerOffset.payloadLength,
  "offsetof(struct olly_header, wire_len)": headerOffset.wireLength,
  "offsetof(struct olly_header, timestamp_ns)": headerOffset.timestamp,
  OLLY_WIRE_VERSION: WIRE_VERSION,
  "(OLLY_WIRE_VERSION + 0)": RING_VERSION,
  OLLY_PAYLOAD_BYTES_MAX: limits.payloadBytesMax,
  OLLY_CAPTURE_BYTES_DEFAULT: limits.captureBytesMax,
  OLLY_MSG_CONNECT: MessageType.connect,
  OLLY_MSG_DATA_OUT: MessageType.dataOut,
  OLLY_MSG_DATA_IN: MessageType.dataIn,
  OLLY_MSG_CLOSE: MessageType.close,
  OLLY_MSG_SSL_OUT: MessageType.sslOut,
  OLLY_MSG_SSL_IN: MessageType.sslIn,
  OLLY_MSG_ACCEPT: MessageType.accept,
  OLLY_MSG_LOG_WRITE: MessageType.logWrite,
  OLLY_MSG_PROCESS: MessageType.process,
  OLLY_MSG_LOOKUP: MessageType.lookup,
  OLLY_MSG_SYSLOG: MessageType.syslog,
  OLLY_MSG_DATAGRAM_SOCKET: MessageType.datagramSocket,
  OLLY_MSG_DATAGRAM_OUT: MessageType.datagramOut,
  OLLY_MSG_DATAGRAM_IN: MessageType.datagramIn,
  OLLY_DATAGRAM_PEER_BYTES: DATAGRAM_PEER_BYTES,
  OLLY_FLAG_UNIX: MessageFlag.unix,
  OLLY_FLAG_INJECTED: MessageFlag.injected,
  OLLY_FLAG_MIDSTREAM: MessageFlag.midstream,
  OLLY_FLAG_ROLE_UNKNOWN: MessageFlag.roleUnknown,
  OLLY_FLAG_EVENT_LOOP: MessageFlag.eventLoop,
  OLLY_FLAG_SEQUENCED: MessageFlag.sequenced,
  OLLY_ADDRESS_IPV4_REMOTE: addressBytes.ipv4Remote,
  OLLY_ADDRESS_IPV4_BOTH: addressBytes.ipv4Both,
  OLLY_ADDRESS_IPV6_REMOTE: addressBytes.ipv6Remote,
  OLLY_ADDRESS_IPV6_BOTH: addressBytes.ipv6Both,
  OLLY_PROCESS_ARGS_MAX: processHello.argsMax,
  OLLY_PROCESS_STRING_BYTES_MAX: processHello.stringBytesMax,
  "sizeof(struct olly_lookup)": LOOKUP_BYTES,
  "offsetof(struct olly_lookup, duration_ns)": lookupOffset.duration,
  "offsetof(struct olly_lookup, result)": lookupOffset.result,
  "offsetof(struct olly_lookup, error)": lookupOffset.error,
  "offsetof(struct olly_lookup, name_bytes)": lookupOffset.nameBytes,
  "offsetof(struct olly_lookup, addresses)": lookupOffset.addresses,
  "offsetof(struct olly_lookup, family)": lookupOffset.family,
  "offsetof(struct olly_lookup, flags)": lookupOffset.flags,
  OLLY_LOOKUP_MORE: lookup.flagMore,
  OLLY_LOOKUP_NAME_BYTES_MAX: lookup.nameBytesMax,
  OLLY_LOOKUP_ADDRESSES_MAX: lookup.addressesMax,
  OLLY_RING_MAGIC: RING_MAGIC,
  OLLY_RING_HEADER_BYTES: RING_HEADER_BYTES,
  OLLY_RING_DATA_BYTES: limits.ringDataBytes,
  OLLY_RING_DATA_BYTES_MIN: limits.ringDataBytesMin,
  OLLY_RING_WORD_BYTES: RING_WORD_BYTES,
  OLLY_RING_PADDING: RING_PADDING,
  OLLY_RING_COUNTERS: RING_COUNTERS,
  "sizeof(struct olly_header) + 0": RECORD_HEADER_BYTES,
  "offsetof(struct olly_ring_header, magic)": ringOffset.magic,
  "offsetof(struct olly_ring_header, version)": ringOffset.version,
  "offsetof(struct olly_ring_header, data_bytes)": ringOffset.dataBytes,
  "offsetof(struct olly_ring_header, pid)": ringOffset.pid,
  "offsetof(struct olly_ring_header, verdict)": ringOffset.verdict,
  "offsetof(struct olly_ring_header, head)": ringOffset.head,
  "offsetof(struct olly_ring_header, tail)": ringOffset.tail,
  "offsetof(struct olly_ring_header, limit)": ringOffset.limit,
  "offsetof(struct olly_ring_header, counters)": ringOffset.counters,
  OLLY_COUNT_RING_FULL: ringCounter.ringFull,
  OLLY_COUNT_UNREGISTERED: ringCounter.unregistered,
  OLLY_COUNT_AGENT_GONE: ringCounter.agentGone,
  OLLY_COUNT_FD_LIMIT: ringCounter.fdLimit,
  OLLY_COUNT_TLS_UNPAIRED: ringCounter.tlsUnpaired,
  OLLY_COUNT_LOG_BINARY: ringCounter.logBinary,
  OLLY_COUNT_INTERNAL: ringCounter.internal,
  OLLY_COUNT_DATAGRAM_FULL: ringCounter.datagramFull,
  OLLY_COUNT_CONFINED: ringCounter.confined,
  OLLY_COUNT_CHILD_ENVIRONMENT: ringCounter.childEnvironment,
  OLLY_VERDICT_REFUSED: ringVerdict.refused,
  OLLY_CHILDREN_INHERIT: childrenMode.inherit,
  OLLY_CHILDREN_ALWAYS: childrenMode.always,
  OLLY_CHILDREN_NEVER: childrenMode.never,
  OLLY_REFUSED_MAX: REFUSED_MAX,
  OLLY_CONTROL_BYTES: CONTROL_BYTES,
  OLLY_SWITCH_LOG_CAPTURE: controlSwitch.logCapture,
  "offsetof(struct olly_control_page, active)": controlOffset.active,
  "offsetof(struct olly_control_page, resume)": controlOffset.resume,
  "offsetof(struct olly_control_page, version)": controlOffset.version,
  "offsetof(struct olly_control_page, agent_epoch)": controlOffset.agentEpoch,
  "offsetof(struct olly_control_page, activation)": controlOffset.activation,
  "offsetof(struct olly_control_page, capture_bytes_max)": controlOffset.captureBytesMax,
  "offsetof(struct olly_control_page, switches)": controlOffset.switches,
  "offsetof(struct olly_control_page, children)": controlOffset.children,
  "offsetof(struct olly_control_page, refusals)": controlOffset.refusals,
  "offsetof(struct olly_control_page, ring_waiting_bytes)": controlOffset.ringWaitingBytes,
  "offsetof(struct olly_control_page, refused)": controlOffset.refused,
};

for (const position of POSITIONS) {
  expected[`OLLY_RING_STAMP(UINT64_C(${position}))`] = ringStamp(ringUnits(position)) >>> 0;
}

/** What the compiler says of each expression. */
function measure(expressions: readonly string[]): number[] {
  const directory = mkdtempSync(join(tmpdir(), "olly-layout-"));
  try {
    const source = join(directory, "layout.c");
    const program = join(directory, "layout");
    const lines = expressions.map((text) => `  printf("%llu\\n", (unsigned long long)(${text}));`);
    const includes = `#include <stdio.h>\n#include "${HEADER}"\n`;
    writeFileSync(source, `${includes}int main(void) {\n${lines.join("\n")}\n}\n`);
    const built = Bun.spawnSync(["cc", "-std=gnu11", "-o", program, source]);
    expect(built.stderr.toString()).toBe("");
    return Bun.spawnSync([program]).stdout.toString().trim().split("\n").map(Number);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("every offset, size and constant is the same in C and in TypeScript", () => {
  const expressions = Object.keys(expected);
  const measured = measure(expressions);
  const inC = Object.fromEntries(expressions.map((text, index) => [text, measured[index]]));
  expect(inC).toEqual(expected);
});

test("no constant of the header is left out of the comparison", async () => {
  const text = await Bun.file(HEADER).text();
  const withoutComments = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const names = new Set([
    ...[...withoutComments.matchAll(/#define (OLLY_[A-Z0-9_]+)/g)].map((match) => match[1]),
    ...[...withoutComments.matchAll(/^\s+(OLLY_[A-Z0-9_]+) = /gm)].map((match) => match[1]),
  ]);
  const compared = Object.keys(expected).join(" ");
  const missing = [...names].filter((name) => name !== undefined && !compared.includes(name));
  expect(missing).toEqual(["OLLY_WIRE_H"]);
});

test("no field of the structures is left out of the comparison", async () => {
  const text = (await Bun.file(HEADER).text()).replace(/\/\*[\s\S]*?\*\//g, "");
  for (const [, struct = "", body = ""] of text.matchAll(/struct (olly_\w+) \{([^}]*)\};/g)) {
    for (const [, field = ""] of body.matchAll(/\b(\w+)(?:\[\w+\])?;/g)) {
      if (field.startsWith("reserved")) continue;
      expect(Object.keys(expected)).toContain(`offsetof(struct ${struct}, ${field})`);
    }
  }
});

test("the message types and flags of the model have no others than the header", () => {
  const types = Object.keys(expected).filter((name) => name.startsWith("OLLY_MSG_"));
  const flags = Object.keys(expected).filter((name) => name.startsWith("OLLY_FLAG_"));
  expect(Object.keys(MessageType)).toHaveLength(types.length);
  expect(Object.keys(MessageFlag)).toHaveLength(flags.length);
});
