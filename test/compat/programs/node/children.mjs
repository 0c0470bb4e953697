// node's child_process in all forms: exec, execFile, spawn, the sync ones, fork with IPC and handles.
import { exec, execFile, execFileSync, execSync, fork, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const self = fileURLToPath(import.meta.url);
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function child() {
  let server;
  process.on("message", (message, handle) => {
    if (message === "server") {
      server = handle;
      handle.on("connection", (socket) => socket.end("answered by the child"));
      process.send("listening");
    } else if (message === "socket") {
      handle.end("written by the child");
      process.send("sent");
    } else if (message === "leave") {
      console.log("child leaves");
      process.exitCode = 3;
      server.close();
      process.disconnect();
    } else {
      process.send({ length: message.text.length, digest: digest(message.text) });
    }
  });
  process.send("ready");
}

async function simple() {
  const ran = await promisify(exec)("echo out; echo err >&2");
  console.log("exec", JSON.stringify(ran));
  const failed = await promisify(exec)("echo gone; exit 5").catch((error) => error);
  console.log("exec fails", failed.code, JSON.stringify(failed.stdout));
  const file = await promisify(execFile)("printf", ["%s-", "a", "b c", ""]);
  console.log("execFile", JSON.stringify(file.stdout));
  const missing = await promisify(execFile)("no-such-program").catch((error) => error);
  console.log("missing", missing.code, missing.syscall);
  const late = await promisify(exec)("exec sleep 30", { timeout: 100 }).catch((error) => error);
  console.log("timeout", late.killed, late.signal);
  console.log("execSync", JSON.stringify(String(execSync("cat", { input: "given" }))));
  console.log(
    "execFileSync",
    JSON.stringify(String(execFileSync("tr", ["a-z", "A-Z"], { input: "x y" }))),
  );
  const sync = spawnSync("sh", ["-c", "cat >&2; kill -TERM $$"], { input: "to stderr" });
  console.log("spawnSync", sync.status, sync.signal, String(sync.stderr));
  console.log("ENOENT", spawnSync("no-such-program").error.code);
}

async function piped() {
  const large = Buffer.alloc(2_000_000, "0123456789abcdefg");
  const cat = spawn("cat");
  cat.stdin.end(large);
  const [back] = await Promise.all([collect(cat.stdout), once(cat, "close")]);
  console.log("cat", back.length, back.equals(large));
  const extra = spawn("sh", ["-c", "cat <&4 >&3; exec 3>&-; echo done"], {
    stdio: ["ignore", "pipe", "inherit", "pipe", "pipe"],
  });
  extra.stdio[4].end("through descriptor 4");
  const [third, output] = await Promise.all([collect(extra.stdio[3]), collect(extra.stdout)]);
  console.log("descriptors", String(third), String(output).trim());
  const deaf = spawn("sh", ["-c", "exec <&-; echo deaf; exec sleep 30"]);
  await once(deaf.stdout, "data");
  deaf.stdin.write("nobody reads this");
  console.log("write", (await once(deaf.stdin, "error"))[0].code);
  deaf.kill();
  console.log("deaf", ...(await once(deaf, "close")));
  const inherits = spawn("sh", ["-c", "echo inherited; echo inherited too >&2"], {
    stdio: "inherit",
  });
  console.log("inherit", ...(await once(inherits, "exit")));
}

async function toFile() {
  const directory = mkdtempSync(join(tmpdir(), "children-"));
  const file = join(directory, "out");
  const out = openSync(file, "w");
  const detached = spawn("sh", ["-c", "echo in the file; exec seq 1 200"], {
    stdio: ["ignore", out, out],
    detached: true,
    cwd: "/",
    env: { ...process.env, LC_ALL: "C" },
  });
  closeSync(out);
  await once(detached, "exit");
  console.log("file", digest(readFileSync(file)));
  rmSync(directory, { recursive: true });
}

const heard = async (forked) => (await once(forked, "message"))[0];

async function forked(serialization) {
  const other = fork(self, ["child"], { serialization });
  console.log(serialization, await heard(other));
  for (const size of [0, 10, 300_000]) {
    other.send({ text: "é".repeat(size) });
    console.log(serialization, size, JSON.stringify(await heard(other)));
  }
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  other.send("server", server);
  console.log(serialization, await heard(other));
  // The child alone answers: our own handle on the same socket is closed first.
  server.close();
  console.log(serialization, String(await collect(net.connect(port, "127.0.0.1"))));
  const passing = net.createServer((socket) => other.send("socket", socket)).listen(0, "127.0.0.1");
  await once(passing, "listening");
  const client = net.connect(passing.address().port, "127.0.0.1");
  console.log(serialization, String(await collect(client)), await heard(other));
  passing.close();
  other.send("leave");
  console.log(serialization, ...(await once(other, "exit")));
}

if (process.argv[2] === "child") {
  child();
} else {
  await simple();
  await piped();
  await toFile();
  await forked("json");
  await forked("advanced");
  const killed = fork(self, ["child"]);
  await heard(killed);
  killed.kill("SIGKILL");
  console.log("killed", ...(await once(killed, "exit")));
  console.error("children.mjs ends");
}
