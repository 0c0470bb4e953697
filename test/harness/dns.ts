/**
 * Name servers of Debian with zones of the tests' own, and tshark's view of what they are asked.
 * Invariant: no name server of the host is asked, and a server listens on the loopback interface.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { output, type Program, run, start, temporaryDirectory } from "./processes.ts";
import { waitFor } from "./wait.ts";

export interface NameServer {
  readonly port: number;
  readonly program: Program;
}

type Environment = Readonly<Record<string, string>>;

const RECORDS = [
  "--host-record=one.olly.test,192.0.2.1,2001:db8::1",
  "--host-record=mail.olly.test,192.0.2.5",
  "--mx-host=olly.test,mail.olly.test,10",
  "--txt-record=olly.test,a secret text",
  "--srv-host=_x._tcp.olly.test,one.olly.test,99,1,2",
  "--caa-record=olly.test,0,issue,ca.test",
  "--cname=alias.olly.test,one.olly.test",
  "--naptr-record=olly.test,10,20,u,E2U+sip,!^.*$!sip:x@olly.test!,.",
  "--ptr-record=1.2.0.192.in-addr.arpa,one.olly.test",
  "--local=/olly.test/",
];

/** The command of a dnsmasq that knows RECORDS and refuses everything else. */
export function dnsmasqCommand(address: string, port: number): string[] {
  return [
    ...["dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"],
    ...[`--port=${port}`, `--listen-address=${address}`, "--bind-interfaces", "--pid-file="],
    ...RECORDS,
  ];
}

export async function startDnsmasq(env: Environment): Promise<NameServer> {
  const port = await freePort();
  const program = start(dnsmasqCommand("127.0.0.1", port), { env });
  await waitUntilItAnswers(port, program);
  return { port, program };
}

/**
 * BIND, with a name that has more addresses than fit in a datagram of old, and 10,240 names
 * ip-10-A-B-C.synth.test whose address is 10.A.B.C (A below 8, B below 5).
 */
export async function startNamed(env: Environment): Promise<NameServer> {
  const port = await freePort();
  const directory = temporaryDirectory();
  const many = Array.from({ length: 31 }, (_, last) => `big IN A 10.0.0.${last}`);
  const zone = ["$TTL 300", "@ IN SOA ns admin 7 3600 600 86400 60", "@ IN NS ns"];
  const ns = "ns IN A 127.0.0.1";
  const hosts = [ns, "one IN A 192.0.2.1", ...many];
  const numbered = Array.from({ length: 8 * 5 }, (_, index) => {
    const middle = [index % 8, Math.floor(index / 8)];
    return `$GENERATE 0-255 ip-10-${middle.join("-")}-$ A 10.${middle.join(".")}.$`;
  });
  writeFileSync(join(directory, "synth"), `${[...zone, ns, ...numbered].join("\n")}\n`);
  writeFileSync(join(directory, "zone"), `${[...zone, ...hosts].join("\n")}\n`);
  writeFileSync(
    join(directory, "named.conf"),
    `options { directory "${directory}"; pid-file "${directory}/pid"; recursion no;
       listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
       dnssec-validation no; minimal-responses yes; allow-transfer { any; }; };
     controls { };
     zone "synth.test" { type primary; file "synth"; };
     zone "olly.test" { type primary; file "zone"; allow-update { any; }; };\n`,
  );
  const config = join(directory, "named.conf");
  const program = start(["named", "-f", "-n", "2", "-u", "root", "-c", config], { env });
  await waitUntilItAnswers(port, program);
  return { port, program };
}

async function waitUntilItAnswers(port: number, program: Program): Promise<void> {
  const ask = ["dig", "@127.0.0.1", "-p", `${port}`, "+tries=1", "+time=1", "one.olly.test"];
  await waitFor(async () => (await run(ask)).code === 0, {
    what: `a name server on port ${port}`,
    withinMs: 120_000,
    seen: () => program.stderr(),
  });
}

/** One question and its answer, as packets or spans tell it. */
export interface DnsTold {
  readonly transport: string;
  readonly name: string;
  readonly type: string;
  /** undefined: no answer. */
  readonly code: string | undefined;
  readonly answers: number | undefined;
  readonly truncated: boolean;
  /** Of the types A and AAAA. */
  readonly addresses: string;
}

const codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
const types: Readonly<Record<string, string>> = {
  ...{ 1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA" },
  ...{ 33: "SRV", 35: "NAPTR", 252: "AXFR", 257: "CAA" },
};

/** Every question to the ports, with the answer of the same peer, id and name. */
export async function dnsExchanges(file: string, ports: readonly number[]): Promise<DnsTold[]> {
  const rules = ports.flatMap((port) => [
    ...["-d", `udp.port==${port},dns`, "-d", `tcp.port==${port},dns`],
  ]);
  const filter = ports.map((port) => `udp.port==${port} || tcp.port==${port}`).join(" || ");
  const fields = ["udp.srcport", "udp.dstport", "tcp.srcport", "tcp.dstport", "dns.id"].concat(
    ["dns.flags.response", "dns.qry.name", "dns.qry.type", "dns.flags.rcode"],
    ["dns.count.answers", "dns.flags.truncated", "dns.a", "dns.aaaa"],
  );
  const printed = await output([
    ...["tshark", "-n", "-r", file, "-Y", `dns && (${filter})`, ...rules],
    ...["-T", "fields", "-E", "separator=;", "-E", "aggregator= "],
    ...fields.flatMap((field) => ["-e", field]),
  ]);
  const open = new Map<string, number>();
  const told: DnsTold[] = [];
  for (const line of printed.split("\n").filter((line) => line !== "")) {
    const [udpFrom, udpTo, tcpFrom, tcpTo, id, response, name, type, code, count, cut, a, aaaa] =
      line.split(";");
    const transport = udpFrom === "" ? "tcp" : "udp";
    const isResponse = response === "1" || response === "True";
    const ends = [`${udpFrom}${tcpFrom}`, `${udpTo}${tcpTo}`];
    const client = isResponse ? ends[1] : ends[0];
    const key = [transport, client, id, name, type].join(" ");
    if (!isResponse) {
      open.set(key, told.length);
      told.push({
        ...{ transport, name: name ?? "", type: types[type ?? ""] ?? `TYPE${type}` },
        ...{ code: undefined, answers: undefined, truncated: false, addresses: "" },
      });
      continue;
    }
    const at = open.get(key);
    const question = at === undefined ? undefined : told[at];
    if (at === undefined || question === undefined) continue;
    const addresses = question.type === "A" ? a : question.type === "AAAA" ? aaaa : "";
    told[at] = {
      ...question,
      code: codes[Number(code)] ?? "",
      answers: Number(count),
      truncated: cut === "1" || cut === "True",
      addresses: sortedWords(addresses ?? ""),
    };
  }
  return told;
}

export function sortedWords(text: string): string {
  return text.split(" ").sort().join(" ");
}
