// HTTPS server and clients in one node process, in every way that TLS connections come about there,
// with traps for whoever guesses which socket carries which connection: a relay that repeats every
// byte on sockets of its own, TLS over a Duplex, plain requests from within handshakes.
// Prints as JSON what it did: the truth that spans are compared with.
// usage: NODE_EXTRA_CA_CERTS=CERTIFICATE node_tls.mjs CERTIFICATE KEY REQUESTS
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";

const [certificate, keyFile, requests] = process.argv.slice(2);
const cert = readFileSync(certificate);
const key = readFileSync(keyFile);
const CONCURRENT = 32;
const METHODS = ["GET", "POST", "PUT", "DELETE"];
const STATUSES = [200, 200, 201, 404, 500];
const truth = { client: [], server: [], digests: {} };

function told(side, method, target, status) {
  truth[side].push(`${method} ${target} ${status}`);
}

function answer(request, response) {
  const number = Number(/\d+/.exec(request.url)?.[0]);
  const status = STATUSES[number % STATUSES.length];
  const size = Number(new URL(request.url, "https://localhost").searchParams.get("size") ?? 20);
  request.resume();
  request.on("end", () => {
    response.statusCode = status;
    // Two chunks in one call that is larger than what is captured of it could not be told apart.
    if (number % 3 === 0 || size > 1_000) response.setHeader("Content-Length", size);
    response.on("finish", () => told("server", request.method, request.url, status));
    response.write(Buffer.alloc(Math.floor(size / 2), "a"));
    const end = () => response.end(Buffer.alloc(Math.ceil(size / 2), `${number}`));
    if (number % 4 === 0) setTimeout(end, 1);
    else end();
  });
}

async function listening(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

/** One request; its body is random in length, its answer goes into the digest of its kind. */
async function ask(kind, number, options) {
  const method = METHODS[number % METHODS.length];
  const path = `/${kind}/${number}${options.query ?? ""}`;
  const hasBody = method === "POST" || method === "PUT";
  const client = options.plain === true ? http : https;
  const request = client.request({ host: "localhost", family: 4, path, method, ...options });
  request.end(hasBody ? Buffer.alloc((number * 37) % 5_000, "b") : undefined);
  const [response] = await once(request, "response");
  const hash = createHash("sha256");
  for await (const chunk of response) hash.update(chunk);
  told("client", method, path, response.statusCode);
  truth.digests[path] = hash.digest("hex").slice(0, 8);
}

async function concurrently(count, one) {
  let next = 0;
  const worker = async () => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
}

/** Repeats every byte: the same handshake appears on four sockets of this process. */
function relay(port) {
  return net.createServer((inner) => {
    const outer = net.connect(port, "127.0.0.1");
    inner.pipe(outer).pipe(inner);
    for (const socket of [inner, outer]) socket.on("error", () => inner.destroy(outer.destroy()));
  });
}

/** A stream of JavaScript between the socket and TLS. */
function throughDuplex(port) {
  const socket = net.connect(port, "127.0.0.1");
  const duplex = new Duplex({
    read: () => socket.resume(),
    write: (chunk, _encoding, done) => socket.write(chunk, done),
    final: (done) => socket.end(done),
    destroy: (error, done) => done(error, socket.destroy()),
  });
  socket.on("data", (chunk) => duplex.push(chunk) || socket.pause());
  socket.on("end", () => duplex.push(null));
  socket.on("error", (error) => duplex.destroy(error));
  return tls.connect({ socket: duplex, servername: "localhost" });
}

/** Requests that begin inside the handshake of another connection, where node runs callbacks. */
async function fromHandshake(number, port, plainPort, plainAgent) {
  const socket = tls.connect({ host: "127.0.0.1", port, servername: "localhost" });
  const plain = new Promise((resolve, reject) => {
    socket.once("secureConnect", () => {
      const options = { port: plainPort, plain: true, agent: plainAgent };
      ask("plain", number, options).then(resolve, reject);
      socket.write(`GET /raw/${number} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    });
  });
  let text = "";
  for await (const chunk of socket) text += chunk;
  told("client", "GET", `/raw/${number}`, Number(text.slice(9, 12)));
  await plain;
}

async function overHttp2(port) {
  const session = http2.connect(`https://localhost:${port}`);
  await concurrently(100, async (number) => {
    const stream = session.request({ ":path": `/h2/${number}` });
    stream.end();
    for await (const _ of stream);
  });
  session.close();
  await once(session, "close");
}

const server = https.createServer({ cert, key }, answer);
server.keepAliveTimeout = 60_000;
const port = await listening(server);
const plainServer = http.createServer(answer);
const plainPort = await listening(plainServer);
const proxy = relay(port);
const proxyPort = await listening(proxy);
const secure = http2.createSecureServer({ cert, key }, (_, response) => response.end("h2"));
const http2Port = await listening(secure);

const agent = new https.Agent({ keepAlive: true, maxSockets: CONCURRENT });
const proxied = new https.Agent({ keepAlive: true, maxSockets: 8 });
const plainAgent = new http.Agent({ keepAlive: true, maxSockets: 4 });

const http2Done = overHttp2(http2Port);
await Promise.all([
  concurrently(Number(requests), (number) => ask("agent", number, { port, agent })),
  concurrently(Number(requests) / 10, (number) =>
    ask("proxy", number, { port: proxyPort, agent: proxied }),
  ),
  concurrently(60, (number) =>
    ask("duplex", number, { port, agent: false, createConnection: () => throughDuplex(port) }),
  ),
  concurrently(60, (number) => fromHandshake(number, port, plainPort, plainAgent)),
  http2Done,
]);
// Alone: fetch gives up a connection that takes 10 s on a busy machine.
await concurrently(Number(requests) / 10, async (number) => {
  const path = `/fetch/${number}`;
  const response = await fetch(`https://localhost:${port}${path}`);
  await response.arrayBuffer();
  told("client", "GET", path, response.status);
});
for (let number = 0; number < 8; number++) {
  await ask("large", number, { port, agent, query: "?size=1000000" });
}

for (const one of [agent, proxied, plainAgent]) one.destroy();
for (const one of [server, plainServer, proxy, secure]) one.close();
server.closeAllConnections();
process.stdout.write(
  `${JSON.stringify({ ports: { port, http2Port, proxyPort }, ...truth })}\n`,
  () => process.exit(),
);
