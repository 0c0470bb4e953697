import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Counters } from "./counters.ts";
import type { AgentStatus } from "./status.ts";
import { fetchStatus } from "./status-client.ts";
import { StatusServer } from "./status-server.ts";
import { statusSocketPath } from "./status-socket.ts";

const directory = mkdtempSync(join(tmpdir(), "olly-status-"));
afterAll(() => rmSync(directory, { recursive: true }));

const status: AgentStatus = {
  version: "1.2.3",
  pid: 42,
  startedAt: "2023-11-14T22:13:20.000Z",
  active: true,
  socketPath: "/s/hook.sock",
  processes: [],
  leftAlone: {},
  messages: { connect: 1 },
  spans: 2,
  logs: 3,
  drops: { ring_full: 4 },
  notVisible: { go: 1 },
  exporters: [],
};

function path(name: string): string {
  return statusSocketPath(join(directory, name, "..", `${name}.sock`));
}

describe("the status socket", () => {
  test("is beside the hook socket", () => {
    expect(statusSocketPath("/run/olly/hook.sock")).toBe("/run/olly/status.sock");
  });

  test("answers with what the agent says at that moment, until it is stopped", async () => {
    let spans = 0;
    const server = new StatusServer(path("a"), () => ({ ...status, spans: ++spans }));
    await server.start();
    expect(await fetchStatus(path("a"))).toEqual({ ...status, spans: 1 });
    expect(await fetchStatus(path("a"))).toEqual({ ...status, spans: 2 });
    expect(statSync(path("a")).mode & 0o777).toBe(0o666);
    const wrong = await fetch("http://olly/other", { unix: path("a") });
    expect(wrong.status).toBe(404);
    const post = await fetch("http://olly/status", { unix: path("a"), method: "POST" });
    expect(post.status).toBe(405);
    await server.stop();
    expect(await fetchStatus(path("a"))).toBeUndefined();
    expect(existsSync(path("a"))).toBe(false);
  });

  test("belongs to one agent; a dead one's is taken over", async () => {
    const first = new StatusServer(path("b"), () => status);
    await first.start();
    const second = new StatusServer(path("b"), () => status);
    await expect(second.start()).rejects.toThrow(
      "an agent (pid 42) is already running with the socket /s/hook.sock",
    );
    await first.stop();
    const script = `Bun.listen({ unix: ${JSON.stringify(path("b"))}, socket: { data() {} } });
      process.kill(process.pid, "SIGKILL");`;
    await Bun.spawn([process.execPath, "-e", script]).exited;
    expect(existsSync(path("b"))).toBe(true);
    await second.start();
    expect(await fetchStatus(path("b"))).toEqual(status);
    await second.stop();
  });

  test("an answer that lacks a part is none", async () => {
    for (const missing of Object.keys(status)) {
      const server = new StatusServer(path("d"), () => ({ ...status, [missing]: undefined }));
      await server.start();
      expect(await fetchStatus(path("d"))).toBeUndefined();
      await server.stop();
    }
  });

  test("never removes a file that is no socket", async () => {
    writeFileSync(path("c"), "precious");
    const server = new StatusServer(path("c"), () => status);
    await expect(server.start()).rejects.toThrow("cannot open the status socket");
    expect(await Bun.file(path("c")).text()).toBe("precious");
    rmSync(path("c"));
  });
});

describe("fetchStatus", () => {
  const answers: [what: string, answer: () => Response][] = [
    ["an error", () => new Response("{}", { status: 500 })],
    ["no JSON", () => new Response("hello")],
    ["another JSON", () => Response.json({ pid: 1 })],
    ["a null", () => Response.json(null)],
    ["drops that are a list", () => Response.json({ ...status, drops: [] })],
  ];
  test.each(answers)("takes no %s for an agent", async (_, answer) => {
    const server = Bun.serve({ unix: path("d"), fetch: answer });
    expect(await fetchStatus(path("d"))).toBeUndefined();
    await server.stop(true);
  });
});

test("counters", () => {
  const counters = new Counters<"a" | "b">();
  counters.count("b");
  counters.count("a", 2);
  counters.count("b");
  expect(counters.get("b")).toBe(2);
  expect(counters.total).toBe(4);
  expect(counters.toRecord()).toEqual({ b: 2, a: 2 });
});
