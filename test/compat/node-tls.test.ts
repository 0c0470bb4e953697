/**
 * What a program sees of node's TLS sockets, bare and hooked: negotiation, resumption, client
 * certificates, half-open and destroyed connections, renegotiation, refusals, worker threads.
 * Invariant: the two runs print the same, and the hooked one was seen.
 *
 * OLLY_TEST_NODES names further executables, parted by colons.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startAgent, type TestAgent } from "../harness/olly.ts";
import { stopAll, temporaryDirectory } from "../harness/processes.ts";
import { type Certificate, createCertificate } from "../harness/tls.ts";
import { waitFor } from "../harness/wait.ts";
import { expectSame } from "./compare.ts";

const TIMEOUT_MS = 300_000;
const LINES = 18;
/** The client's and the server's. */
const SPANS = 2;
const program = join(import.meta.dir, "programs/node_tls_behaviour.mjs");
const more = (process.env["OLLY_TEST_NODES"] ?? "").split(":").filter((path) => path !== "");

let agent: TestAgent;
let made: Certificate;

beforeAll(async () => {
  agent = await startAgent();
  made = await createCertificate(temporaryDirectory());
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

test.each(["node", ...more])(
  "%s: its TLS sockets do the same",
  async (node) => {
    const before = await agent.status();
    const { bare } = await expectSame(agent, [node, program, made.certificate, made.key]);
    expect(bare.stdout.trimEnd().split("\n")).toHaveLength(LINES);
    await waitFor(async () => (await agent.status()).spans >= before.spans + SPANS, {
      what: "the spans of the one exchange",
      seen: () => agent.program.stderr(),
    });
    const { drops } = await agent.status();
    expect(drops["tls_unpaired"] ?? 0).toBe(before.drops["tls_unpaired"] ?? 0);
  },
  TIMEOUT_MS,
);
