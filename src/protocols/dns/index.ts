/** DNS over TCP and over UDP. See README.md. */
import type { Protocol } from "../contract.ts";
import { describe } from "./describe.ts";
import { detectDatagram, detectStream, resyncDatagram, resyncStream } from "./detect.ts";
import { dnsLimits } from "./limits.ts";
import { expire, lost, match } from "./match.ts";
import { parseDatagram, parseStream } from "./parse.ts";
import type { DnsDetail, DnsFrame, DnsState } from "./types.ts";

const common = {
  id: "dns",
  limits: { frameBytesMax: dnsLimits.frameBytesMax, inFlightMax: dnsLimits.inFlightMax },
  lost,
  match,
  expire,
  describe,
} as const;

export const dns: Protocol<DnsFrame, DnsState, DnsDetail> = {
  ...common,
  detect: detectStream,
  createState: () => ({ isStream: true, pending: new Map() }),
  parse: parseStream,
  resync: resyncStream,
};

export const dnsDatagrams: Protocol<DnsFrame, DnsState, DnsDetail> = {
  ...common,
  datagrams: true,
  detect: detectDatagram,
  createState: () => ({ isStream: false, pending: new Map() }),
  parse: parseDatagram,
  resync: resyncDatagram,
};
