import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fetchStatus } from "../self/status-client.ts";
import { OllyCases } from "./run-cases.ts";

const cases = new OllyCases();
const environment = { OLLY_EXPORTERS_FILE_PATH: cases.path("agent.jsonl") };

async function startedAgent(variables: Readonly<Record<string, string>> = {}) {
  const agent = cases.start([], { environment: { ...environment, ...variables } });
  for (let attempt = 0; attempt < 500; attempt++) {
    if ((await fetchStatus(cases.path("agent/status.sock"))) !== undefined) return agent;
    if (agent.exitCode !== null) break;
    await Bun.sleep(10);
  }
  throw new Error(`no agent: ${await agent.stderr.text()}`);
}

describe("an agent that is running", () => {
  let agent: Awaited<ReturnType<typeof startedAgent>>;
  beforeAll(async () => {
    agent = await startedAgent();
  });
  afterAll(() => {
    agent.kill("SIGKILL");
    cases.remove();
  });

  test("takes what olly run starts", async () => {
    const run = await cases.run(["run", "--service", "guest", "--", "sh", "-c", "echo a line"]);
    expect(run).toEqual({ code: 0, stdout: "a line\n", stderr: "" });
  });

  test("tells what it does", async () => {
    const { code, stdout } = await cases.run(["status"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`pid ${agent.pid}`);
    expect(stdout).toContain("tracing   on");
    const json = JSON.parse((await cases.run(["status", "--json"])).stdout);
    expect(json).toMatchObject({ pid: agent.pid, socketPath: cases.path("agent/hook.sock") });
  });

  test("lets no second one in", async () => {
    const second = await cases.run(["agent"], { environment });
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(new RegExp(`^olly: .*\\(pid ${agent.pid}\\).*\\n$`));
  });

  test("is switched off and on", async () => {
    const says = async (action: string) => (await cases.run(["trace", action])).stdout;
    expect(await says("stop")).toStartWith("tracing is now off, ");
    expect(await says("stop")).toStartWith("tracing is off already, ");
    expect((await fetchStatus(cases.path("agent/status.sock")))?.active).toBe(false);
    expect(await says("start")).toStartWith("tracing is now on, ");
    expect(await says("status")).toStartWith("tracing is on, ");
    expect((await fetchStatus(cases.path("agent/status.sock")))?.active).toBe(true);
  });

  test("ends at SIGTERM with everything written; the switch stays usable without it", async () => {
    agent.kill("SIGTERM");
    expect(await agent.exited).toBe(0);
    expect(await agent.stderr.text()).toContain("listening on");
    expect(readFileSync(cases.path("agent.jsonl"), "utf8")).toContain('"a line"');
    expect((await cases.run(["status"])).code).toBe(1);
    const directory = cases.path("agent");
    const said = await cases.run(["trace", "start", "--socket-dir", directory]);
    expect(said).toEqual({
      code: 0,
      stdout: `tracing is now on, no agent is running in ${directory}\n`,
      stderr: "",
    });
  });

  test("dormant stays off until it is asked for", async () => {
    await cases.run(["trace", "stop"]);
    agent = await startedAgent({ OLLY_HOOK_ON_DEMAND: "true" });
    expect((await cases.run(["trace", "status"])).stdout).toStartWith("tracing is off, ");
    agent.kill("SIGINT");
    expect(await agent.exited).toBe(0);
  });
});
