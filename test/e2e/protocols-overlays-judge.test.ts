/**
 * Clients of what is spoken on top of HTTP beside their packets, over HTTP/1 and HTTP/2, with and
 * without content. Invariant: olly's lines are those that tshark's decoding of the same bytes gives.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fetched } from "../harness/fetched.ts";
import { losses, python, startAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { lineOfPackets, lineOfSpan } from "../harness/overlay-told.ts";
import { freePorts, waitForPort } from "../harness/ports.ts";
import { output, start, stopAll } from "../harness/processes.ts";
import { startCapture } from "../harness/tshark.ts";
import { jsonExchanges } from "../harness/tshark-json.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const PROGRAMS = join(import.meta.dir, "programs");
/** overlay_judged.py: five calls in each of five turns. */
const CALLS = 25;

let modules: string;

beforeAll(async () => {
  modules = await fetched("overlay-clients");
}, 600_000);
afterAll(stopAll, TIMEOUT_MS);

const CONTENT = "  protocols:\n    genai:\n      content: true\n";

async function play(version: "1.1" | "2", tracing?: string) {
  const agent = await startAgent(tracing === undefined ? {} : { tracing });
  const ports = await freePorts(2);
  const server = join(PROGRAMS, "overlay_load_server.mjs");
  start(["node", server, ...ports.map(String)], { env: agent.environment });
  for (const port of ports) await waitForPort(port, "the server");
  const port = ports[version === "2" ? 1 : 0] ?? 0;
  const capture = await startCapture([port]);
  const client = [python, "-B", join(PROGRAMS, "overlay_judged.py")];
  const env = { ...agent.environment, PYTHONPATH: modules, PYTHONWARNINGS: "ignore" };
  const command = [...client, `http://127.0.0.1:${port}`, version];
  await output(["timeout", "-s", "KILL", "100", ...command], { env });
  await capture.stop();
  const spansOf = (kind: number) =>
    readOtlpFile(agent.file).spans.filter(
      (span) => span.kind === kind && span.name !== "getaddrinfo" && span.name !== "TCP",
    );
  const ends: SpanRecord[][] = [];
  for (const kind of [Kind.client, Kind.server]) {
    await waitFor(() => spansOf(kind).length >= CALLS, {
      ...{ what: `${CALLS} calls`, withinMs: 60_000 },
      seen: () => spansOf(kind).map(lineOfSpan).join("\n"),
    });
    ends.push(spansOf(kind));
  }
  const packets = await jsonExchanges(capture.file, port, version === "2" ? "http2" : "http");
  const status = await agent.status();
  const file = readFileSync(agent.file, "utf8");
  return { ends, packets, file, losses: losses(status) };
}

describe.each(["1.1", "2"] as const)("HTTP %s", (version) => {
  test(
    "models, tokens, operations and errors are those of the packets",
    async () => {
      const { ends, packets, file, losses } = await play(version);
      const judged = packets.map(lineOfPackets).sort();
      expect(judged).toHaveLength(CALLS);
      expect(judged.join("\n")).not.toContain("undefined");
      for (const spans of ends) expect(spans.map(lineOfSpan).sort()).toEqual(judged);
      expect(file).not.toContain("secret");
      expect(losses).toEqual({});
    },
    TIMEOUT_MS,
  );
});

test(
  "content is told when it is configured",
  async () => {
    const { ends, packets } = await play("2", CONTENT);
    const question = packets.find(({ asked }) => asked.has("/messages/[]/content"));
    const content = question?.asked.get("/messages/[]/content");
    expect(content).toBeString();
    const said = JSON.stringify([{ role: "user", parts: [{ type: "text", content }] }]);
    for (const spans of ends) {
      const chats = spans.filter(({ name }) => name.startsWith("chat "));
      expect(chats).toHaveLength(10);
      for (const { attributes } of chats) expect(attributes["gen_ai.input.messages"]).toBe(said);
      const answers = chats.map(({ attributes }) => attributes["gen_ai.output.messages"]);
      const streamed = '[{"role":"assistant","parts":[{"type":"text","content":"x"}],';
      expect(answers.filter((one) => String(one).startsWith(streamed))).toHaveLength(5);
      const others = spans.filter((span) => !chats.includes(span));
      expect(JSON.stringify(others.map(({ attributes }) => attributes))).not.toContain("secret");
    }
  },
  TIMEOUT_MS,
);
