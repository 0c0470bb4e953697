import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeLibrary, messageBytes } from "../../test/harness/fake-library.ts";
import { DATAGRAM_COLUMNS, type DatagramBatch } from "./datagrams.ts";
import { ownUid } from "./hook-directory.ts";
import { type HookSocket, openHookSocket, socketWorkerUrl } from "./hook-socket.ts";
import { HookSetupError } from "./setup-error.ts";

const BUN = process.execPath;
const IS_ROOT = ownUid() === 0;

let directory: string;
let path: string;
let batches: DatagramBatch[];
let errors: string[];
let opened: HookSocket[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "olly-socket-"));
  path = join(directory, "run", "hook.sock");
  batches = [];
  errors = [];
  opened = [];
});

afterEach(async () => {
  for (const socket of opened) await socket.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(at = path): Promise<HookSocket> {
  const socket = await openHookSocket({
    path: at,
    onDatagrams: (batch) => batches.push(batch),
    onError: (message) => errors.push(message),
  });
  opened.push(socket);
  return socket;
}

function received(): { text: string; pid: number; uid: number; fd: number; truncated: number }[] {
  return batches.flatMap(({ bytes, table }) => {
    const rows = [];
    for (let row = 0; row < table.length; row += DATAGRAM_COLUMNS) {
      const [offset = 0, length = 0, pid = 0, uid = 0, fd = 0, truncated = 0] = table.subarray(row);
      const text = Buffer.from(bytes.subarray(offset, offset + length)).toString("latin1");
      rows.push({ text, pid, uid, fd, truncated });
    }
    return rows;
  });
}

async function refusal(at: string): Promise<string> {
  try {
    await open(at);
  } catch (error) {
    expect(error).toBeInstanceOf(HookSetupError);
    const text = error instanceof Error ? error.message : "";
    expect(text).not.toContain("\n");
    return text;
  }
  throw new Error("was not refused");
}

function sender(pid: number) {
  return { pid, uid: ownUid(), fd: -1, truncated: 0 };
}

describe("receiving", () => {
  test("datagrams arrive whole, in order, with their sender's credentials", async () => {
    const socket = await open();
    const library = await FakeLibrary.start();
    for (const text of ["one", "two", ""]) {
      const hex = Buffer.from(text).toString("hex");
      if (text !== "") expect(await library.send("raw", path, hex)).toBe("ok");
    }
    expect(socket.sync()).toBe(true);
    const expected = [
      { text: "one", ...sender(library.pid) },
      { text: "two", ...sender(library.pid) },
    ];
    expect(received()).toEqual(expected);
    await library.kill();
    expect(errors).toEqual([]);
  });

  test("the event loop is woken without sync", async () => {
    const arrived = Promise.withResolvers<DatagramBatch>();
    const socket = await openHookSocket({
      path,
      onDatagrams: arrived.resolve,
      onError: arrived.reject,
    });
    opened.push(socket);
    const library = await FakeLibrary.start();
    await library.send("raw", path, "2a");
    expect([...(await arrived.promise).bytes]).toEqual([0x2a]);
    await library.kill();
  });

  test("a datagram of the longest message fits, a longer one is marked", async () => {
    const socket = await open();
    const library = await FakeLibrary.start();
    const longest = Buffer.from(messageBytes({ payload: "x".repeat(16_384) }));
    await library.send("raw", path, longest.toString("hex"));
    await library.send("raw", path, Buffer.concat([longest, longest]).toString("hex"));
    socket.sync();
    const [first, second] = received();
    expect(first?.text).toBe(longest.toString("latin1"));
    expect(first?.truncated).toBe(0);
    expect(second?.truncated).toBe(1);
    await library.kill();
  });

  test("a descriptor comes along and is closed on exec", async () => {
    const socket = await open();
    const library = await FakeLibrary.start();
    await library.hello(path);
    socket.sync();
    const fd = received()[0]?.fd ?? -1;
    expect(fd).toBeGreaterThan(2);
    expect(statSync(`/proc/self/fd/${fd}`).size).toBe(4096 + 65_536);
    expect(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")).toMatch(/flags:\s+02\d*2\n/);
    const { closeSync } = await import("node:fs");
    closeSync(fd);
    await library.kill();
  });

  test("many datagrams from several processes: all there, each sender's in order", async () => {
    const socket = await open();
    const libraries = await Promise.all([1, 2, 3].map(() => FakeLibrary.start()));
    const send = async (library: FakeLibrary) => {
      for (let index = 0; index < 400; index++) {
        const hex = Buffer.from(String(index)).toString("hex");
        expect(await library.send("raw", path, hex)).toBe("ok");
      }
    };
    await Promise.all(libraries.map(send));
    expect(socket.sync()).toBe(true);
    for (const library of libraries) {
      const own = received().filter(({ pid }) => pid === library.pid);
      expect(own.map(({ text }) => Number(text))).toEqual([...Array(400).keys()]);
      await library.kill();
    }
  });

  test("closing takes what was still in the queue", async () => {
    const socket = await open();
    const library = await FakeLibrary.start();
    await library.send("raw", path, "01");
    await socket.close();
    opened.length = 0;
    expect(received()).toHaveLength(1);
    await library.kill();
  });
});

describe("the socket file", () => {
  test("modes let the right processes in", async () => {
    await open();
    expect(statSync(join(directory, "run")).mode & 0o777).toBe(IS_ROOT ? 0o711 : 0o700);
    expect(statSync(path).mode & 0o777).toBe(IS_ROOT ? 0o666 : 0o600);
  });

  test("a directory that exists keeps its mode", async () => {
    mkdirSync(join(directory, "run"));
    chmodSync(join(directory, "run"), 0o750);
    await open();
    expect(statSync(join(directory, "run")).mode & 0o777).toBe(0o750);
  });

  test("close removes socket and lock and leaves the control page", async () => {
    const socket = await open();
    writeFileSync(join(directory, "run", "control"), "x");
    expect(readdirSync(join(directory, "run")).sort()).toEqual([
      "agent.lock",
      "control",
      "hook.sock",
    ]);
    await socket.close();
    opened.length = 0;
    expect(readdirSync(join(directory, "run"))).toEqual(["control"]);
  });

  test("opened and closed again and again: nothing is left open", async () => {
    const before = readdirSync("/proc/self/fd").length;
    for (let round = 0; round < 5; round++) await (await open()).close();
    opened.length = 0;
    // The first round loads the C library; descriptors may not grow with the rounds.
    expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + 5);
  });

  test("the kernel's queue length is as it was", async () => {
    const file = "/proc/sys/net/unix/max_dgram_qlen";
    const before = readFileSync(file, "utf8");
    await open();
    expect(readFileSync(file, "utf8")).toBe(before);
  });
});

describe("refused in one line", () => {
  test("a path that is too long", async () => {
    const long = join(directory, "x".repeat(108));
    expect(await refusal(long)).toMatch(/too long: .* bytes, the kernel takes 107$/);
    expect(existsSync(long)).toBe(false);
  });

  test("the longest path that fits", async () => {
    const longest = join(directory, "y".repeat(107 - directory.length - 1));
    expect((await open(longest)).path).toHaveLength(107);
  });

  test("a second agent, which is told who is first and disturbs nothing", async () => {
    const socket = await open();
    expect(await refusal(path)).toBe(
      `another agent (pid ${process.pid}) already listens on ${path}`,
    );
    const library = await FakeLibrary.start();
    await library.send("raw", path, "01");
    socket.sync();
    expect(received()).toHaveLength(1);
    await library.kill();
  });

  test("a file that is no socket", async () => {
    mkdirSync(join(directory, "run"));
    writeFileSync(path, "precious");
    expect(await refusal(path)).toBe(`${path} exists and is not a socket`);
    expect(readFileSync(path, "utf8")).toBe("precious");
    expect(existsSync(join(directory, "run", "agent.lock"))).toBe(false);
  });

  test("a directory that cannot be created", async () => {
    writeFileSync(join(directory, "run"), "");
    expect(await refusal(path)).toMatch(/^cannot create the hook socket's directory /);
  });

  test("a directory that is not writable, or another user's", async () => {
    // Another user tries, because root may write anywhere.
    const target = IS_ROOT ? "/usr" : "/root";
    const prefix = IS_ROOT ? ["setpriv", "--reuid=65534", "--clear-groups"] : [];
    const script = `
      import { openHookSocket } from ${JSON.stringify(join(import.meta.dir, "hook-socket.ts"))};
      try {
        await openHookSocket({ path: "${target}/hook.sock", onDatagrams() {}, onError() {} });
      } catch (error) {
        console.log(error.name, error.message);
      }`;
    const child = Bun.spawnSync([...prefix, BUN, "-e", script], { cwd: import.meta.dir });
    expect(child.stdout.toString()).toBe(
      `HookSetupError the hook socket's directory ${target} is not writable: permission denied\n`,
    );
  });
});

test("kill -9 of the agent: the next one takes the stale socket over", async () => {
  const script = `
    import { openHookSocket } from ${JSON.stringify(join(import.meta.dir, "hook-socket.ts"))};
    await openHookSocket({ path: ${JSON.stringify(path)}, onDatagrams() {}, onError() {} });
    console.log("listening");`;
  const agent = Bun.spawn([BUN, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const reader = agent.stdout.getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toBe("listening\n");
  expect(await refusal(path)).toContain(`another agent (pid ${agent.pid})`);
  agent.kill("SIGKILL");
  await agent.exited;
  const stale = statSync(path).ctimeMs;
  const socket = await open();
  expect(statSync(path).ctimeMs).toBeGreaterThan(stale);
  const library = await FakeLibrary.start();
  expect(await library.send("raw", path, "01")).toBe("ok");
  socket.sync();
  expect(received()).toHaveLength(1);
  await library.kill();
});

test("the worker is found beside its module and in the compiled executable", () => {
  expect(socketWorkerUrl("file:///src/hook/hook-socket.ts").href).toBe(
    "file:///src/hook/socket-worker.ts",
  );
  expect(socketWorkerUrl("file:///$bunfs/root/chunk-1.js").href).toBe(
    "file:///$bunfs/root/hook/socket-worker.js",
  );
});
