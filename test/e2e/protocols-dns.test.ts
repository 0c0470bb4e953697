/**
 * DNS as real resolvers and servers speak it, judged by tshark, and lookups by getaddrinfo.
 * Invariant: both ends are hooked and tell the same questions as the packets; no name server but
 * the tests' own is asked.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DnsTold,
  dnsExchanges,
  dnsmasqCommand,
  type NameServer,
  sortedWords,
  startDnsmasq,
  startNamed,
} from "../harness/dns.ts";
import { withResolver } from "../harness/mounts.ts";
import { losses, observe, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { run, start, stopAll, temporaryDirectory, text } from "../harness/processes.ts";
import { startCapture } from "../harness/tshark.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const THREADS = 8;
const QUESTIONS_OF_THREAD = 1_250;
const LOAD = join(import.meta.dir, "programs/dns_load.py");

let agent: TestAgent;
let dnsmasq: NameServer;
let named: NameServer;

beforeAll(async () => {
  agent = await startAgent();
  [dnsmasq, named] = await Promise.all([
    startDnsmasq(agent.environment),
    startNamed(agent.environment),
  ]);
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

function told({ attributes }: SpanRecord): DnsTold {
  const addresses = attributes["dns.answers"];
  const code = attributes["olly.dns.response.code"];
  const answers = attributes["olly.dns.response.answer_count"];
  const type = String(attributes["olly.dns.question.type"]);
  const isAddress = type === "A" || type === "AAAA";
  return {
    transport: String(attributes["network.transport"]),
    name: String(attributes["dns.question.name"]),
    type,
    code: code === undefined ? undefined : String(code),
    answers: answers === undefined ? undefined : Number(answers),
    truncated: attributes["olly.dns.response.truncated"] === true,
    addresses: isAddress && Array.isArray(addresses) ? sortedWords(addresses.join(" ")) : "",
  };
}

const inOrder = (list: readonly DnsTold[]) => list.map((it) => JSON.stringify(it)).sort();

/** Runs the commands hooked and captured; gives what the packets and what both ends tell. */
async function judged(port: number, commands: readonly (readonly string[])[]) {
  const capture = await startCapture([port]);
  // What was asked while the servers started is long over.
  const sinceNs = BigInt(Date.now()) * 1_000_000n;
  for (const command of commands) {
    const ended = await run(["timeout", "-s", "KILL", "20", ...command], {
      env: agent.environment,
    });
    expect([command, ended.code, text(ended.stderr)]).toEqual([command, 0, ""]);
  }
  await capture.stop();
  const packets = await dnsExchanges(capture.file, [port]);
  let spans: SpanRecord[] = [];
  await waitFor(
    () => {
      spans = readOtlpFile(agent.file).spans.filter((span) => span.start > sinceNs);
      return spans.filter(({ name }) => name !== "DNS lookup").length >= 2 * packets.length;
    },
    {
      what: "spans of both ends",
      seen: () => spans.map((it) => JSON.stringify(told(it))).join("\n"),
    },
  );
  const ofKind = (kind: number) => spans.filter((span) => span.kind === kind);
  return { packets, clients: ofKind(Kind.client), servers: ofKind(Kind.server) };
}

function expectSame({ packets, clients, servers }: Awaited<ReturnType<typeof judged>>): void {
  expect(inOrder(clients.map(told))).toEqual(inOrder(packets));
  expect(inOrder(servers.map(told))).toEqual(inOrder(packets));
}

const dig = (port: number, ...rest: string[]) => [
  ...["dig", "@127.0.0.1", "-p", `${port}`, "+tries=1", ...rest],
];

test(
  "dig and dnsmasq: types of records, names that are not there, refusals, TCP",
  async () => {
    const { port } = dnsmasq;
    const questions = [
      ["one.olly.test", "A"],
      ["one.olly.test", "AAAA"],
      ["alias.olly.test", "A"],
      ["olly.test", "MX"],
      ["olly.test", "TXT"],
      ["_x._tcp.olly.test", "SRV"],
      ["olly.test", "CAA"],
      ["olly.test", "NAPTR"],
      ["-x", "192.0.2.1"],
      ["gone.olly.test", "A"],
      ["www.example", "A"],
      ["+tcp", "one.olly.test", "A"],
    ];
    const seen = await judged(
      port,
      questions.map((question) => dig(port, ...question)),
    );
    expect(seen.packets).toHaveLength(questions.length);
    expectSame(seen);
    const records = seen.clients.flatMap(
      ({ attributes }) => attributes["olly.dns.response.records"] ?? [],
    );
    expect(records).toEqual([
      "CNAME one.olly.test",
      "MX 10 mail.olly.test",
      "TXT (14 bytes)",
      "SRV 1 2 99 one.olly.test",
      'CAA 0 issue "ca.test"',
      'NAPTR 10 20 "u" "E2U+sip" "!^.*$!sip:x@olly.test!" .',
      "PTR one.olly.test",
    ]);
    // dnsmasq leaves a TCP connection to a child, which joins it in the middle.
    const byUdp = ({ attributes }: SpanRecord) => attributes["network.transport"] === "udp";
    const parents = seen.servers
      .filter(byUdp)
      .map(({ traceId, parentSpanId }) => `${traceId} ${parentSpanId}`);
    const asked = seen.clients.filter(byUdp).map(({ traceId, spanId }) => `${traceId} ${spanId}`);
    expect(parents.sort()).toEqual(asked.sort());
    const [found] = seen.clients;
    expect(found).toMatchObject({ name: "DNS A", statusCode: 0 });
    expect(found?.attributes).toMatchObject({ "server.address": "127.0.0.1", "server.port": port });
    const errors = (spans: readonly SpanRecord[]) =>
      spans.flatMap(({ attributes }) => attributes["error.type"] ?? []);
    expect(errors(seen.clients)).toEqual(["NXDOMAIN", "REFUSED"]);
    expect(errors(seen.servers)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "host, drill, dnspython and node's c-ares",
  async () => {
    const { port } = dnsmasq;
    const script = `import dns.message, dns.query
question = dns.message.make_query("one.olly.test", "AAAA", use_edns=0)
dns.query.udp(question, "127.0.0.1", port=${port})
dns.query.tcp(dns.message.make_query("olly.test", "MX"), "127.0.0.1", port=${port})`;
    const resolver = `const dns = require("dns").promises;
dns.setServers(["127.0.0.1:${port}"]);
Promise.all([dns.resolve4("one.olly.test"), dns.resolveMx("olly.test"),
  dns.resolveSrv("_x._tcp.olly.test"), dns.resolve4("gone.olly.test").catch(() => {})])`;
    const seen = await judged(port, [
      ["host", "-p", `${port}`, "one.olly.test", "127.0.0.1"],
      ["drill", "-p", `${port}`, "@127.0.0.1", "alias.olly.test", "A"],
      [python, "-c", script],
      ["node", "-e", resolver],
    ]);
    expect(seen.packets.length).toBeGreaterThanOrEqual(3 + 1 + 2 + 4);
    expectSame(seen);
  },
  TIMEOUT_MS,
);

test(
  "BIND: an answer that does not fit is asked for again by TCP; a zone transfer; an update",
  async () => {
    const { port } = named;
    const update = `import dns.update, dns.query
update = dns.update.Update("olly.test")
update.add("new", 60, "A", "192.0.2.77")
dns.query.udp(update, "127.0.0.1", port=${port})`;
    const seen = await judged(port, [
      dig(port, "+noedns", "big.olly.test", "A"),
      dig(port, "olly.test", "AXFR"),
      dig(port, "gone.olly.test", "A"),
      [python, "-c", update],
    ]);
    const big = seen.clients.map(told).filter(({ name }) => name === "big.olly.test");
    expect(big.map(({ transport, truncated }) => [transport, truncated])).toEqual([
      ["udp", true],
      ["tcp", false],
    ]);
    expect(big[1]?.answers).toBe(31);
    for (const spans of [seen.clients, seen.servers]) {
      const names = spans.map(({ name }) => name).sort();
      expect(names).toEqual(["DNS A", "DNS A", "DNS A", "DNS AXFR", "DNS UPDATE"]);
    }
    const queries = (list: readonly DnsTold[]) => list.filter(({ type }) => type !== "SOA");
    expect(inOrder(queries(seen.clients.map(told)))).toEqual(inOrder(queries(seen.packets)));
    expect(inOrder(queries(seen.servers.map(told)))).toEqual(inOrder(queries(seen.packets)));
  },
  TIMEOUT_MS,
);

test(
  "a server that does not answer: one exchange, however often it is asked",
  async () => {
    const silent = createSocket("udp4");
    await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
    const command = [
      ...["dig", "@127.0.0.1", "-p", `${silent.address().port}`, "+tries=2", "+time=1"],
      "one.olly.test",
    ];
    const { spans, code } = await observe(command);
    silent.close();
    expect(code).toBe(9);
    // dig asks again from another socket, which is another exchange; neither has an answer.
    expect(spans.length).toBeGreaterThan(0);
    for (const span of spans) {
      expect(span.name).toBe("DNS A");
      expect(span.attributes["error.type"]).toBe("no_response");
      expect(span.attributes["olly.exchange.outcome"]).toBe("closed_early");
      expect(span.statusCode).toBe(2);
    }
    const asked = spans.map(
      ({ attributes }) => 1 + Number(attributes["olly.dns.resend_count"] ?? 0),
    );
    expect(asked.reduce((sum, times) => sum + times, 0)).toBe(2);
  },
  TIMEOUT_MS,
);

/** ip-10-1-2-3.synth.test has the address 10.1.2.3 and no other. */
function isPaired({ attributes }: SpanRecord): boolean {
  const [, address] = /^ip-(\d+-\d+-\d+-\d+)\./.exec(String(attributes["dns.question.name"])) ?? [];
  return String(attributes["dns.answers"]) === address?.replaceAll("-", ".");
}

for (const transport of ["udp", "tcp"] as const) {
  const count = QUESTIONS_OF_THREAD;
  test(
    `${THREADS * count} questions of ${THREADS} threads by ${transport}, several in flight`,
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      const numbers = [named.port, THREADS, count, 4, transport === "tcp" ? 1 : 0];
      const command = [python, LOAD, ...numbers.map(String)];
      const ended = await run(command, { env: agent.environment });
      expect([text(ended.stdout).trim(), text(ended.stderr)]).toEqual([`${THREADS * count}`, ""]);
      let spans: SpanRecord[] = [];
      await waitFor(
        () => {
          spans = readOtlpFile(agent.file).spans.slice(before);
          return spans.length >= 2 * THREADS * count;
        },
        { what: "spans of both ends", withinMs: 120_000, seen: () => `${spans.length}` },
      );
      expect(spans).toHaveLength(2 * THREADS * count);
      expect(spans.filter((span) => !isPaired(span))).toEqual([]);
      const names = new Set(spans.map(({ attributes }) => attributes["dns.question.name"]));
      expect(names.size).toBe(THREADS * count);
      // named's journal is not text.
      const { log_binary: _journal, ...lost } = losses(await agent.status());
      expect(lost).toEqual({});
    },
    TIMEOUT_MS,
  );
}

test(
  "tracing that starts amid questions: right from then on",
  async () => {
    const late = await startAgent({ onDemand: true });
    const server = await startNamed(late.environment);
    const busy = ["0", "1"].map((tcp) =>
      start([python, LOAD, `${server.port}`, "1", "0", "4", tcp], {
        env: late.environment,
        keepStdinOpen: true,
      }),
    );
    await waitFor(() => busy.every((program) => program.stdout().includes("busy")), {
      what: "questions under way",
    });
    await late.trace("start");
    let spans: readonly SpanRecord[] = [];
    await waitFor(
      () => {
        spans = readOtlpFile(late.file).spans;
        const of = (transport: string, kind: number) =>
          spans.filter(
            (span) => span.kind === kind && span.attributes["network.transport"] === transport,
          ).length;
        const counts = ["udp", "tcp"].flatMap((it) => [of(it, Kind.client), of(it, Kind.server)]);
        return counts.every((count) => count >= 100);
      },
      { what: "spans of both ends and transports", withinMs: 120_000 },
    );
    for (const program of busy) await program.stop();
    const answered = spans.filter(({ attributes }) => attributes["olly.dns.response.code"]);
    expect(answered.filter((span) => !isPaired(span))).toEqual([]);
    expect(spans.length - answered.length).toBeLessThanOrEqual(2 * busy.length * 4);
  },
  TIMEOUT_MS,
);

const LOOKUPS = `import socket
for name in ("one.olly.test", "gone.olly.test", "www.example", "127.0.0.1", "localhost"):
    try:
        print(name, sorted({entry[4][0] for entry in socket.getaddrinfo(name, 80)}))
    except socket.gaierror as error:
        print(name, error.errno)
`;

test(
  "getaddrinfo: found, not there, refused; addresses and localhost are no lookups",
  async () => {
    const directory = temporaryDirectory();
    const script = join(directory, "lookups.py");
    writeFileSync(script, LOOKUPS);
    const server = dnsmasqCommand("127.0.0.1", 53);
    const inside = withResolver(directory, server, [python, script]);
    const { spans, stdout, stderr, code } = await observe(inside);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "one.olly.test ['192.0.2.1', '2001:db8::1']",
      "gone.olly.test -2",
      "www.example -3",
    ]);
    const lookups = spans.filter(({ name }) => name === "DNS lookup");
    expect(
      lookups.map(({ kind, statusCode, attributes }) => [
        kind,
        statusCode,
        attributes["dns.question.name"],
        attributes["error.type"],
      ]),
    ).toEqual([
      [Kind.internal, 0, "one.olly.test", undefined],
      [Kind.internal, 2, "gone.olly.test", "EAI_NONAME"],
      [Kind.internal, 2, "www.example", "EAI_AGAIN"],
    ]);
    const found = lookups[0]?.attributes["dns.answers"];
    expect(Array.isArray(found) && sortedWords(found.join(" "))).toBe("192.0.2.1 2001:db8::1");
    expect(spans.every(({ end, start }) => end > start)).toBe(true);
    const asked = spans.filter(({ kind }) => kind === Kind.server).map(told);
    expect(asked.filter(({ name }) => name === "one.olly.test")).toHaveLength(2);
  },
  TIMEOUT_MS,
);

test(
  "getent and curl look up by getaddrinfo, too",
  async () => {
    const directory = temporaryDirectory();
    const server = dnsmasqCommand("127.0.0.1", 53);
    const commands = "getent hosts one.olly.test; curl -s http://gone.olly.test/; echo $?";
    const { spans, stdout } = await observe(
      withResolver(directory, server, ["sh", "-c", commands]),
    );
    expect(stdout.trim().split("\n").at(-1)).toBe("6");
    const lookups = spans.filter(({ name }) => name === "DNS lookup");
    const names = lookups.map(({ resource, attributes }) => [
      resource["process.executable.name"],
      attributes["dns.question.name"],
      attributes["error.type"],
    ]);
    expect(names).toContainEqual(["curl", "gone.olly.test", "EAI_NONAME"]);
  },
  TIMEOUT_MS,
);
