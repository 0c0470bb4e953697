import { afterAll, expect, test } from "bun:test";
import { chownSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StatusServer } from "../self/status-server.ts";
import { findAgent } from "./find-agent.ts";

const uid = process.getuid?.() ?? 0;
const NOBODY = 65_534;
const directory = mkdtempSync(join(tmpdir(), "olly-find-"));
const socketPath = join(directory, "hook.sock");
const server = new StatusServer(join(directory, "status.sock"), () => ({
  ...{ version: "1", pid: 42, startedAt: "2023-11-14T22:13:20.000Z", active: true, socketPath },
  ...{ processes: [], leftAlone: {}, messages: {}, spans: 0, logs: 0, drops: {}, notVisible: {} },
  exporters: [],
}));
await server.start();
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

test("the first agent that answers", async () => {
  const paths = [join(directory, "none/hook.sock"), socketPath];
  expect(await findAgent(paths, uid)).toMatchObject({ socketPath, status: { pid: 42 } });
});

test("behind a link nobody is asked", async () => {
  const other = mkdtempSync(join(directory, "other-"));
  symlinkSync(join(directory, "status.sock"), join(other, "status.sock"));
  expect(await findAgent([join(other, "hook.sock")], uid)).toBeUndefined();
});

test.if(uid === 0)("another user's socket in a directory of root's, as in /tmp", async () => {
  chownSync(join(directory, "status.sock"), NOBODY, NOBODY);
  expect(await findAgent([socketPath], 0)).toBeUndefined();
  expect(await findAgent([socketPath], NOBODY)).toMatchObject({ status: { pid: 42 } });
  chownSync(join(directory, "status.sock"), 0, 0);
});
