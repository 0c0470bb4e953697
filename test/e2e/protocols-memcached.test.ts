/**
 * Memcached with pymemcache and pylibmc, both ends hooked; tshark is the judge. Invariant: both
 * ends tell the commands that were sent, every answer is paired with its own, and no value is told.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { output, run, start, stopAll, temporaryDirectory, text } from "../harness/processes.ts";
import { startCapture } from "../harness/tshark.ts";
import { memcachedCommands, memcachedPackets } from "../harness/tshark-stores.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const THREADS = 8;
const COMMANDS = 1_250;
/** Values that the program stores before. */
const KNOWN = 3;
const MARKERS = join(import.meta.dir, "programs/memcached-markers.py");
const BINARY_MARKERS = join(import.meta.dir, "programs/memcached-binary-markers.py");

let agent: TestAgent;
let port: number;

beforeAll(async () => {
  agent = await startAgent();
  port = await freePort();
  start([...memcached, "-l", "127.0.0.1", "-p", String(port)], { env: { ...agent.environment } });
  await waitForPort(port, "memcached");
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

const QUIT = 0x07;
const memcached = ["memcached", ...(process.getuid?.() === 0 ? ["-u", "nobody"] : [])];

/** "text | values | code" */
function line({ attributes }: SpanRecord): string {
  const values = attributes["db.response.returned_rows"] ?? "";
  const code = attributes["db.response.status_code"] ?? "";
  return `${attributes["db.query.text"]} | ${values} | ${code}`;
}

async function observe(command: readonly string[], count: number) {
  const before = readOtlpFile(agent.file).spans.length;
  const ended = await run(command, { env: { ...agent.environment } });
  expect([ended.code, text(ended.stderr)]).toEqual([0, ""]);
  let spans: SpanRecord[] = [];
  // libmemcached quits when it gives a connection up, and does not always wait for the answer.
  const isCommand = ({ attributes }: SpanRecord) =>
    attributes["db.system.name"] === "memcached" && attributes["db.query.text"] !== "Quit";
  await waitFor(
    () => {
      spans = readOtlpFile(agent.file).spans.slice(before).filter(isCommand);
      return spans.length >= 2 * count;
    },
    { what: `${count} commands`, withinMs: 120_000, seen: () => spans.map(line).join("\n") },
  );
  return {
    clients: spans.filter(({ kind }) => kind === Kind.client),
    servers: spans.filter(({ kind }) => kind === Kind.server),
  };
}

test(
  "pymemcache: the commands that the packets hold, at both ends",
  async () => {
    const capture = await startCapture([port]);
    const program = `
import sys
from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheClientError
c = Client(("127.0.0.1", int(sys.argv[1])))
c.set("alpha", "hidden", noreply=False)
c.get("alpha")
c.gets("alpha")
c.set("user:4711", "hidden" * 50000, noreply=False)
c.get("user:4711")
c.get_many(["alpha", "beta", "user:4711"])
c.add("alpha", "hidden", noreply=False)
c.cas("alpha", "hidden", b"1", noreply=False)
c.set("beta", "5", noreply=True)
c.incr("beta", 2)
c.touch("beta", 60, noreply=False)
c.delete("beta", noreply=False)
try: c.incr("alpha", 1)
except MemcacheClientError: pass
c.stats()
c.version()
`;
    const lines = [
      "set alpha |  | ",
      "get alpha | 1 | ",
      "gets alpha | 1 | ",
      "set user:? |  | ",
      "get user:? | 1 | ",
      "get alpha beta user:? | 2 | ",
      "add alpha |  | ",
      "cas alpha |  | ",
      "set beta |  | ",
      "incr beta |  | ",
      "touch beta |  | ",
      "delete beta |  | ",
      "incr alpha |  | CLIENT_ERROR",
      "stats |  | ",
      "version |  | ",
    ];
    const { clients, servers } = await observe([python, "-c", program, String(port)], lines.length);
    await capture.stop();
    expect(clients.map(line)).toEqual(lines);
    expect(servers.map(line)).toEqual(lines);
    // tshark 4.0 does not know touch.
    const names = lines.map((it) => it.split(" ")[0] ?? "").filter((name) => name !== "touch");
    expect((await memcachedCommands(capture.file, port)).sort()).toEqual(names.sort());
  },
  TIMEOUT_MS,
);

test(
  "10,000 commands of 8 threads: every answer with its own question, at both ends",
  async () => {
    const total = THREADS * COMMANDS;
    const command = [python, MARKERS, String(port), String(THREADS), String(COMMANDS)];
    const { clients, servers } = await observe(command, total + KNOWN);
    for (const spans of [clients, servers]) {
      const markers = new Set<number>();
      for (const span of spans) {
        const letters = /^get m([a-j]+)/.exec(String(span.attributes["db.query.text"]))?.[1];
        if (letters === undefined) continue;
        const marker = Number(
          Array.from(letters, (letter) => "abcdefghij".indexOf(letter)).join(""),
        );
        markers.add(marker);
        expect([marker, span.attributes["db.response.returned_rows"]]).toEqual([
          marker,
          marker % 4,
        ]);
      }
      expect(markers.size).toBe(total);
    }
    expect(losses(await agent.status())).toEqual({});
    const told = readFileSync(agent.file, "utf8")
      .split("\n")
      .filter((it) => it.includes("resourceSpans"))
      .join("\n");
    expect(told.includes("hidden")).toBe(false);
  },
  TIMEOUT_MS,
);

test(
  "pylibmc, binary: the operations and statuses that the packets hold, at both ends",
  async () => {
    const capture = await startCapture([port]);
    const program = `
import sys, pylibmc
c = pylibmc.Client(["127.0.0.1:" + sys.argv[1]], binary=True)
c.set("gamma", "hidden")
c.get("gamma")
c.get("nothing")
c.set("user:4711", "hidden" * 50000)
c.get_multi(["gamma", "nothing", "user:4711"])
c.add("gamma", "hidden")
c.set("number", 5)
c.incr("number", 2)
c.touch("gamma", 60)
c.get_stats()
c.delete("gamma")
try: c.incr("user:4711", 1)
except pylibmc.Error: pass
`;
    const operations: [opcode: number, status: number | undefined, line: string][] = [
      [0x01, 0, "Set gamma |  | "],
      [0x0c, 0, "GetK gamma | 1 | "],
      [0x0c, 1, "GetK nothing | 0 | "],
      [0x01, 0, "Set user:? |  | "],
      [0x0d, 0, "GetKQ gamma | 1 | "],
      [0x0d, undefined, "GetKQ nothing | 0 | "],
      [0x0d, 0, "GetKQ user:? | 1 | "],
      [0x0a, 0, "No-op |  | "],
      [0x02, 2, "Add gamma |  | "],
      [0x01, 0, "Set number |  | "],
      [0x05, 0, "Increment number |  | "],
      [0x1c, 0, "Touch gamma |  | "],
      [0x10, 0, "Stat |  | "],
      [0x04, 0, "Delete gamma |  | "],
      [0x05, 6, "Increment user:? |  | 0x0006"],
    ];
    const lines = operations.map(([, , it]) => it);
    const { clients, servers } = await observe([python, "-c", program, String(port)], lines.length);
    await capture.stop();
    expect(clients.map(line)).toEqual(lines);
    expect(servers.map(line)).toEqual(lines);
    const packets = await memcachedPackets(capture.file, port);
    expect(packets.opcodes).toEqual(operations.map(([opcode]) => opcode));
    // Stat has an answer for each of its values.
    const told = operations.flatMap(([, status]) => (status === undefined ? [] : [status]));
    const failed = (statuses: readonly number[]) => statuses.filter((status) => status !== 0);
    expect(failed(packets.statuses)).toEqual(failed(told));
  },
  TIMEOUT_MS,
);

test(
  "binary, 8 threads: every answer with its own question, at both ends",
  async () => {
    const gets = THREADS * COMMANDS;
    const command = [python, BINARY_MARKERS, String(port), String(THREADS), String(COMMANDS)];
    const { clients, servers } = await observe(command, gets * 1.5);
    for (const spans of [clients, servers]) {
      const markers = new Set<number>();
      for (const { attributes } of spans) {
        const letters = /^GetK m([a-j]+)$/.exec(String(attributes["db.query.text"]))?.[1];
        if (letters === undefined) continue;
        const digits = Array.from(letters, (letter) => "abcdefghij".indexOf(letter));
        const marker = Number(digits.join(""));
        markers.add(marker);
        const rows = attributes["db.response.returned_rows"];
        expect([marker, rows]).toEqual([marker, 1 - (marker % 2)]);
      }
      expect(markers.size).toBe(gets);
    }
    expect(losses(await agent.status())).toEqual({});
    expect(readFileSync(agent.file, "utf8").includes("hidden")).toBe(false);
  },
  TIMEOUT_MS,
);

/** A server on which only "app" may do something, by a password that is told to nobody. */
async function startWithPasswords(password: string): Promise<number> {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  const users = join(directory, "users");
  writeFileSync(join(directory, "memcached.conf"), `mech_list: plain\nsasldb_path: ${users}\n`);
  const add = ["saslpasswd2", "-p", "-c", "-a", "memcached", "-f", users, "app"];
  await output(add, { stdin: Buffer.from(password) });
  chmodSync(users, 0o644);
  const own = await freePort();
  start([...memcached, "-S", "-l", "127.0.0.1", "-p", String(own)], {
    env: { ...agent.environment, SASL_CONF_PATH: directory },
  });
  await waitForPort(own, "memcached with passwords");
  return own;
}

test(
  "SASL of pylibmc: a login, one that is refused, and nothing of the passwords",
  async () => {
    const own = await startWithPasswords("hidden sesame");
    const capture = await startCapture([own]);
    const program = `
import sys, pylibmc
def client(password):
    return pylibmc.Client(["127.0.0.1:" + sys.argv[1]], binary=True, username="app", password=password)
c = client("hidden sesame")
c.set("delta", "hidden")
c.get("delta")
try: client("hidden wrong").get("delta")
except pylibmc.Error: pass
`;
    const operations: [opcode: number, line: string][] = [
      [0x20, "SASL-list-mechs |  | "],
      [0x21, "SASL-Auth |  | "],
      [0x01, "Set delta |  | "],
      [0x0c, "GetK delta | 1 | "],
      [0x20, "SASL-list-mechs |  | "],
      [0x21, "SASL-Auth |  | 0x0020"],
    ];
    const lines = operations.map(([, it]) => it);
    const { clients, servers } = await observe([python, "-c", program, String(own)], lines.length);
    await capture.stop();
    expect(clients.map(line)).toEqual(lines);
    expect(servers.map(line)).toEqual(lines);
    const packets = await memcachedPackets(capture.file, own);
    expect(packets.opcodes.filter((opcode) => opcode !== QUIT)).toEqual(
      operations.map(([opcode]) => opcode),
    );
    expect(packets.statuses.filter((status) => status !== 0)).toEqual([0x20]);
    expect(readFileSync(agent.file, "utf8").includes("hidden")).toBe(false);
  },
  TIMEOUT_MS,
);
