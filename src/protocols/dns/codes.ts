/** Numbers and their names in the IANA registry "Domain Name System (DNS) Parameters". */

export const Type = {
  a: 1,
  ns: 2,
  cname: 5,
  soa: 6,
  ptr: 12,
  mx: 15,
  aaaa: 28,
  srv: 33,
  naptr: 35,
  dname: 39,
  opt: 41,
  ds: 43,
  sshfp: 44,
  rrsig: 46,
  nsec: 47,
  dnskey: 48,
  tlsa: 52,
  svcb: 64,
  https: 65,
  ixfr: 251,
  axfr: 252,
  caa: 257,
} as const;

export const Opcode = { query: 0, status: 2, notify: 4, update: 5, stateful: 6 } as const;

const typeNames: ReadonlyMap<number, string> = new Map([
  [1, "A"],
  [2, "NS"],
  [5, "CNAME"],
  [6, "SOA"],
  [11, "WKS"],
  [12, "PTR"],
  [13, "HINFO"],
  [14, "MINFO"],
  [15, "MX"],
  [16, "TXT"],
  [17, "RP"],
  [18, "AFSDB"],
  [24, "SIG"],
  [25, "KEY"],
  [28, "AAAA"],
  [29, "LOC"],
  [33, "SRV"],
  [35, "NAPTR"],
  [37, "CERT"],
  [39, "DNAME"],
  [41, "OPT"],
  [42, "APL"],
  [43, "DS"],
  [44, "SSHFP"],
  [45, "IPSECKEY"],
  [46, "RRSIG"],
  [47, "NSEC"],
  [48, "DNSKEY"],
  [49, "DHCID"],
  [50, "NSEC3"],
  [51, "NSEC3PARAM"],
  [52, "TLSA"],
  [53, "SMIMEA"],
  [55, "HIP"],
  [59, "CDS"],
  [60, "CDNSKEY"],
  [61, "OPENPGPKEY"],
  [62, "CSYNC"],
  [63, "ZONEMD"],
  [64, "SVCB"],
  [65, "HTTPS"],
  [99, "SPF"],
  [108, "EUI48"],
  [109, "EUI64"],
  [249, "TKEY"],
  [250, "TSIG"],
  [251, "IXFR"],
  [252, "AXFR"],
  [255, "ANY"],
  [256, "URI"],
  [257, "CAA"],
]);

const classNames: ReadonlyMap<number, string> = new Map([
  [1, "IN"],
  [3, "CH"],
  [4, "HS"],
  [254, "NONE"],
  [255, "ANY"],
]);

const opcodeNames: ReadonlyMap<number, string> = new Map([
  [0, "QUERY"],
  [1, "IQUERY"],
  [2, "STATUS"],
  [4, "NOTIFY"],
  [5, "UPDATE"],
  [6, "DSO"],
]);

const codeNames: ReadonlyMap<number, string> = new Map([
  [0, "NOERROR"],
  [1, "FORMERR"],
  [2, "SERVFAIL"],
  [3, "NXDOMAIN"],
  [4, "NOTIMP"],
  [5, "REFUSED"],
  [6, "YXDOMAIN"],
  [7, "YXRRSET"],
  [8, "NXRRSET"],
  [9, "NOTAUTH"],
  [10, "NOTZONE"],
  [11, "DSOTYPENI"],
  [16, "BADVERS"],
  [23, "BADCOOKIE"],
]);

/** RFC 3597 5: unknown ones by their number. */
export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

export function className(value: number): string {
  return classNames.get(value) ?? `CLASS${value}`;
}

export function opcodeName(opcode: number): string {
  return opcodeNames.get(opcode) ?? `OPCODE${opcode}`;
}

export function codeName(code: number): string {
  return codeNames.get(code) ?? `RCODE${code}`;
}

export function isOpcode(opcode: number): boolean {
  return opcode !== 1 && opcodeNames.has(opcode);
}

export function isClass(value: number): boolean {
  return classNames.has(value);
}
