// node's net and dgram: half-closed and reset connections, timeouts, back-pressure, Unix sockets.
import { createHash } from "node:crypto";
import dgram from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

/** Unlike `for await`, leaves the other direction open. */
async function collect(stream) {
  const chunks = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  await once(stream, "end");
  return Buffer.concat(chunks);
}

async function listening(server, ...address) {
  server.listen(...address);
  await once(server, "listening");
  return server;
}

async function pair(options, ...address) {
  const server = await listening(net.createServer(options), ...address);
  const bound = server.address();
  const client = net.connect(typeof bound === "string" ? bound : bound.port, "127.0.0.1");
  const [[served]] = await Promise.all([once(server, "connection"), once(client, "connect")]);
  return { server, client, served };
}

async function transfer(...address) {
  const { server, client, served } = await pair({ allowHalfOpen: true }, ...address);
  const sending = (async () => {
    for (let at = 0; at < 400; at++) {
      if (!client.write(Buffer.alloc(at * 31, at))) await once(client, "drain");
    }
    client.end();
  })();
  const received = await collect(served);
  await sending;
  served.end(digest(received));
  console.log("transfer", received.length, String(await collect(client)));
  server.close();
}

async function ends() {
  const { server, client, served } = await pair({}, 0, "127.0.0.1");
  const reset = once(client, "error");
  served.resetAndDestroy();
  console.log("reset", (await reset)[0].code);
  client.write("late", (error) => console.log("write after", error?.code));
  server.close();
  await once(server, "close");
  const idle = await pair({}, 0, "127.0.0.1");
  idle.client.setTimeout(40);
  await once(idle.client, "timeout");
  console.log("timeout", idle.client.readyState);
  idle.client.destroy();
  console.log("peer", (await collect(idle.served)).length);
  idle.server.close();
  const refused = net.connect(idle.server.address()?.port ?? 1, "127.0.0.1");
  const [error] = await once(refused, "error");
  console.log("refused", error.code, error.errno, error.syscall);
  const twice = await listening(net.createServer(), 0, "127.0.0.1");
  const second = net.createServer().listen(twice.address().port, "127.0.0.1");
  console.log("twice", (await once(second, "error"))[0].code);
  twice.close();
  const nowhere = net.connect("/nonexistent/socket");
  console.log("no path", (await once(nowhere, "error"))[0].code);
}

async function datagrams() {
  const server = dgram.createSocket("udp4");
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  server.on("message", (message, from) => server.send(message.reverse(), from.port, from.address));
  const client = dgram.createSocket("udp4");
  for (const size of [0, 1, 1400, 9000]) {
    client.send(Buffer.from("ab".repeat(size)), server.address().port, "127.0.0.1");
    const [message] = await once(client, "message");
    console.log("datagram", message.length, digest(message));
  }
  const sent = await new Promise((resolve) =>
    client.send(Buffer.alloc(70_000), server.address().port, "127.0.0.1", resolve),
  );
  console.log("too long", sent.code);
  server.close();
  await once(server, "close");
  const connected = dgram.createSocket("udp4");
  connected.connect(1, "127.0.0.1");
  await once(connected, "connect");
  const refused = once(connected, "error");
  connected.send("nobody");
  console.log("nobody", (await refused)[0].code);
  connected.close();
  client.close();
}

const directory = mkdtempSync(join(tmpdir(), "sockets-"));
await transfer(0, "127.0.0.1");
await transfer(join(directory, "socket"));
await ends();
await datagrams();
rmSync(directory, { recursive: true });
console.error("sockets.mjs ends");
