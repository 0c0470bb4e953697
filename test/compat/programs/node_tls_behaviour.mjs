// What node's TLS sockets do, one line for each case: the same text with and without the library.
// usage: node_tls_behaviour.mjs CERTIFICATE KEY
import { once } from "node:events";
import { readFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { Worker } from "node:worker_threads";

const [certificateFile, keyFile] = process.argv.slice(2);
const cert = readFileSync(certificateFile);
const key = readFileSync(keyFile);
const trust = { ca: cert, servername: "localhost" };

function say(name, value) {
  console.log(name, JSON.stringify(value));
}

/** A server for one case; `serve` gets each connection. */
async function withServer(options, serve, use) {
  const errors = [];
  const server = tls.createServer({ cert, key, ...options }, (socket) => {
    socket.on("error", (error) => errors.push(error.code));
    serve(socket);
  });
  server.on("tlsClientError", (error) => errors.push(error.code));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await use(server.address().port, errors);
  server.close();
}

function connect(port, options = {}) {
  return tls.connect({ port, host: "127.0.0.1", ...trust, ...options });
}

async function textOf(socket) {
  let text = "";
  for await (const chunk of socket.setEncoding("utf8")) text += chunk;
  return text;
}

async function negotiated() {
  const serve = (socket) => socket.end(`${socket.alpnProtocol} ${socket.servername}`);
  await withServer({ ALPNProtocols: ["b", "a"] }, serve, async (port) => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"]) {
      const socket = connect(port, { ALPNProtocols: ["a", "b"], maxVersion });
      await once(socket, "secureConnect");
      const { alpnProtocol, authorized } = socket;
      const protocol = [socket.getProtocol(), socket.getCipher().name];
      say("negotiated", [alpnProtocol, authorized, protocol, await textOf(socket)]);
      say("bytes", socket.bytesRead);
    }
  });
}

async function resumed() {
  await withServer(
    {},
    (socket) => socket.end("hello"),
    async (port) => {
      for (const maxVersion of ["TLSv1.2", "TLSv1.3"]) {
        const first = connect(port, { maxVersion });
        const session = once(first, "session");
        await textOf(first);
        const second = connect(port, { maxVersion, session: (await session)[0] });
        await once(second, "secureConnect");
        say("resumed", [second.isSessionReused(), await textOf(second)]);
      }
    },
  );
}

async function clientCertificate() {
  const options = { requestCert: true, ca: cert };
  const serve = (socket) => socket.end(socket.getPeerCertificate().subject?.CN ?? "none");
  await withServer(options, serve, async (port, errors) => {
    say("client certificate", await textOf(connect(port, { cert, key })));
    const [error] = await once(connect(port, { maxVersion: "TLSv1.2" }), "error");
    say("without one", [error.code, errors.length]);
  });
}

async function halfOpen() {
  const serve = (socket) => {
    socket.on("end", () => setTimeout(() => socket.end("after your end"), 5)).resume();
  };
  await withServer({ allowHalfOpen: true }, serve, async (port) => {
    const socket = connect(port, { allowHalfOpen: true });
    socket.end("question");
    say("half open", await textOf(socket));
  });
}

async function split() {
  const serve = (socket) => {
    const bytes = Buffer.from("äöü€".repeat(50));
    for (const byte of bytes) socket.write(Buffer.from([byte]));
    socket.end();
  };
  await withServer({}, serve, async (port) => say("split", await textOf(connect(port))));
}

async function paused() {
  const serve = (socket) => socket.end(Buffer.alloc(5_000_000, "x"));
  await withServer({}, serve, async (port) => {
    const socket = connect(port);
    let bytes = 0;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    await once(socket, "end");
    say("paused", [bytes, socket.bytesRead]);
  });
}

async function destroyed() {
  const closed = [];
  const serve = (socket) => {
    socket.on("close", (failed) => closed.push(typeof failed));
    socket.write(Buffer.alloc(2_000_000));
    setImmediate(() => socket.destroy());
  };
  await withServer({}, serve, async (port) => {
    const socket = connect(port);
    socket.on("error", () => {}).resume();
    await once(socket, "close");
    const late = await new Promise((resolve) => socket.write("late", resolve));
    say("destroyed", [closed, late.code, socket.destroyed]);
  });
}

async function renegotiated() {
  const serve = (socket) => socket.on("data", (data) => socket.end(`got ${data}`));
  await withServer({ maxVersion: "TLSv1.2" }, serve, async (port) => {
    const socket = connect(port);
    await once(socket, "secureConnect");
    const error = await new Promise((resolve) => socket.renegotiate({}, resolve));
    socket.write("after renegotiation");
    say("renegotiated", [error, await textOf(socket)]);
  });
}

async function refused() {
  await withServer(
    {},
    (socket) => socket.end(),
    async (port, errors) => {
      const [error] = await once(connect(port, { ca: [], maxVersion: "TLSv1.2" }), "error");
      say("not trusted", error.code);
      const plain = net.connect(port, "127.0.0.1");
      plain.on("error", () => {}).resume();
      plain.end("GET / HTTP/1.1\r\n\r\n");
      await once(plain, "close");
      say("not TLS", errors.includes("ERR_SSL_HTTP_REQUEST"));
    },
  );
}

async function inWorker() {
  await withServer(
    {},
    (socket) => socket.end("to the worker"),
    async (port) => {
      const script = `
      const tls = require("node:tls");
      const { parentPort, workerData } = require("node:worker_threads");
      const socket = tls.connect(workerData, () => {});
      socket.setEncoding("utf8").on("data", (text) => parentPort.postMessage(text));`;
      const workerData = { port, host: "127.0.0.1", ca: cert.toString(), servername: "localhost" };
      const workers = Array.from(
        { length: 3 },
        () => new Worker(script, { eval: true, workerData }),
      );
      say("workers", (await Promise.all(workers.map((one) => once(one, "message")))).flat());
      await Promise.all(workers.map((one) => one.terminate()));
    },
  );
}

/** One exchange that is a span when the run is hooked. */
async function requested() {
  const server = https.createServer({ cert, key }, (_, response) => response.end("answered"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  const request = https.get({ port, host: "127.0.0.1", ...trust, agent: false });
  const [response] = await once(request, "response");
  say("requested", [response.statusCode, await textOf(response)]);
  server.close();
}

const cases = [negotiated, resumed, clientCertificate, halfOpen, split, paused, destroyed];
for (const one of [...cases, renegotiated, refused, inWorker, requested]) await one();
say("options", [process.execArgv, process.env.NODE_OPTIONS ?? null]);
