/**
 * A call of getaddrinfo or its older relatives → a span, in the form that the semantic conventions
 * 1.44.0 give the lookups of .NET (docs/dotnet/dotnet-network-traces.md); without the name in the
 * span's name, which has to have few values. Invariant: pure.
 */
import type { Attribute } from "../model/attributes.ts";
import type { Lookup } from "../model/lookup.ts";
import type { HookedProcess } from "../model/process.ts";
import { type Span, type SpanContext, SpanKind, StatusCode } from "../model/span.ts";
import { ATTR_DNS_ANSWERS, ATTR_DNS_QUESTION_NAME } from "../semconv/dns.ts";
import { ATTR_ERROR_TYPE } from "../semconv/network.ts";

/** As glibc and musl number them (netdb.h). */
const errorNames: Readonly<Record<number, string>> = {
  [-1]: "EAI_BADFLAGS",
  [-2]: "EAI_NONAME",
  [-3]: "EAI_AGAIN",
  [-4]: "EAI_FAIL",
  [-5]: "EAI_NODATA",
  [-6]: "EAI_FAMILY",
  [-7]: "EAI_SOCKTYPE",
  [-8]: "EAI_SERVICE",
  [-9]: "EAI_ADDRFAMILY",
  [-10]: "EAI_MEMORY",
  [-11]: "EAI_SYSTEM",
  [-12]: "EAI_OVERFLOW",
  [-105]: "EAI_IDN_ENCODE",
};
const ERROR_OTHER = "_OTHER";

/**
 * Addresses are only written down in another form, and the host's own name for itself is answered
 * without asking anybody (RFC 6761 6.3): no span.
 */
export function isLookupTold({ name }: Lookup): boolean {
  if (name === "" || name.includes(":") || isNumeric(name)) return false;
  const plain = name.toLowerCase();
  return !/(^|\.)localhost\.?$/.test(plain);
}

/** The forms of inet_aton(3): 127.0.0.1, 127.1, 0x7f000001, 017700000001. */
function isNumeric(name: string): boolean {
  return /^(0x[\da-f]*|\d+)(\.(0x[\da-f]*|\d+)){0,3}$/i.test(name);
}

/** When the call began, and what it is to be. */
export interface LookupPlace {
  readonly context: SpanContext;
  readonly process: HookedProcess;
  readonly startNs: number;
}

export function lookupSpanOf(lookup: Lookup, { context, process, startNs }: LookupPlace): Span {
  const attributes: Attribute[] = [[ATTR_DNS_QUESTION_NAME, lookup.name]];
  if (lookup.addresses.length > 0) attributes.push([ATTR_DNS_ANSWERS, lookup.addresses]);
  const failed = lookup.result !== 0;
  if (failed) attributes.push([ATTR_ERROR_TYPE, errorNames[lookup.result] ?? ERROR_OTHER]);
  return {
    name: "DNS lookup",
    kind: SpanKind.internal,
    attributes,
    status: failed ? StatusCode.error : StatusCode.unset,
    statusMessage: undefined,
    context,
    process,
    startNs,
    endNs: startNs + Math.max(0, lookup.durationNs),
  };
}
