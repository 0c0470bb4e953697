// node's http, https and http2: keep-alive, large bodies, chunks, concurrency, what goes wrong.
// usage: http.mjs CERTIFICATE KEY
import assert from "node:assert";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";

const [certificate, key] = process.argv.slice(2).map((file) => readFileSync(file));
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);
const large = Buffer.alloc(3_000_000, "0123456789abcdefg");

async function bodyOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function answer(request, response) {
  const { method, url } = request;
  if (url === "/echo") {
    const body = await bodyOf(request);
    response.writeHead(200, { "x-digest": digest(body) });
    response.end(body);
  } else if (url === "/chunks") {
    for (let at = 0; at < 200; at++) {
      if (!response.write(`${at}:`.padEnd(at * 37, "."))) await once(response, "drain");
    }
    response.addTrailers?.({ "x-last": "199" });
    response.end();
  } else if (url === "/breaks") {
    response.writeHead(200, { "content-length": 1000 });
    response.write("half", () => response.destroy());
  } else if (url === "/never") {
    request.resume();
  } else if (url.startsWith("/n/")) {
    response.end(url.slice(3).repeat(100));
  } else {
    response.statusCode = 404;
    if (request.httpVersionMajor === 1) response.statusMessage = "Nothing Here";
    response.end(method);
  }
}

function ask(module, url, { body, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const request = module.request(url, options, async (response) => {
      try {
        resolve({ response, body: await bodyOf(response) });
      } catch (error) {
        reject(error);
      }
    });
    request.on("timeout", () => request.destroy(new Error("timed out")));
    request.on("error", reject);
    request.end(body);
  });
}

const failure = (promise) =>
  promise.then(
    () => "none",
    (error) => error.code ?? error.message,
  );

async function exercise(name, module, server, extra) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `${name}://127.0.0.1:${server.address().port}`;
  const agent = new module.Agent({ keepAlive: true, maxSockets: 4 });
  const options = { agent, ...extra };
  for (const method of ["GET", "HEAD", "DELETE"]) {
    const { response, body } = await ask(module, `${base}/missing`, { ...options, method });
    console.log(name, method, response.statusCode, response.statusMessage, String(body));
  }
  const post = await ask(module, `${base}/echo`, { ...options, method: "POST", body: large });
  assert(post.body.equals(large));
  console.log(name, "echo", post.body.length, post.response.headers["x-digest"], digest(post.body));
  const chunks = await ask(module, `${base}/chunks`, options);
  console.log(name, "chunks", chunks.body.length, digest(chunks.body));
  const many = await Promise.all(
    Array.from({ length: 60 }, (_, at) => ask(module, `${base}/n/${at}`, options)),
  );
  console.log(name, "many", digest(Buffer.concat(many.map(({ body }) => body))));
  console.log(name, "breaks", await failure(ask(module, `${base}/breaks`, options)));
  console.log(
    name,
    "never",
    await failure(ask(module, `${base}/never`, { ...options, timeout: 80 })),
  );
  agent.destroy();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  console.log(name, "closed", await failure(ask(module, `${base}/missing`, extra)));
}

async function pipelined() {
  const server = http.createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = net.connect(server.address().port, "127.0.0.1");
  const head = (path, last) =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
  const text = head("/n/1") + head("/n/22") + head("/missing", true);
  for (let at = 0; at < text.length; at += 7) {
    socket.write(text.slice(at, at + 7));
    await new Promise(setImmediate);
  }
  const received = String(await bodyOf(socket)).replace(/Date: .*\r\n/g, "");
  console.log("pipelined", received.length, digest(received));
  server.close();
}

async function streamed(session, headers, body) {
  const stream = session.request(headers);
  stream.end(body);
  const [answered] = await once(stream, "response");
  let trailers = {};
  stream.on("trailers", (seen) => {
    trailers = seen;
  });
  const received = await bodyOf(stream);
  return `${answered[":status"]} ${received.length} ${digest(received)} ${trailers["x-last"] ?? "-"}`;
}

async function http2Over(name, server, options) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = http2.connect(`${name}://127.0.0.1:${server.address().port}`, options);
  const paths = [
    "/missing",
    "/echo",
    "/chunks",
    ...Array.from({ length: 20 }, (_, at) => `/n/${at}`),
  ];
  const lines = await Promise.all(
    paths.map((path) =>
      streamed(
        session,
        { ":path": path, ":method": path === "/echo" ? "POST" : "GET" },
        path === "/echo" ? large : undefined,
      ),
    ),
  );
  for (const [at, line] of lines.entries()) console.log("http2", name, paths[at], line);
  await new Promise((resolve) => session.close(resolve));
  server.close();
}

const trust = { ca: certificate };
const secrets = { cert: certificate, key };
await exercise("http", http, http.createServer(answer), {});
await exercise("https", https, https.createServer(secrets, answer), trust);
await pipelined();
await http2Over("http", http2.createServer(answer), {});
await http2Over("https", http2.createSecureServer(secrets, answer), trust);
const strict = https.createServer(secrets, answer).listen(0, "127.0.0.1");
await once(strict, "listening");
console.log("untrusted", await failure(ask(https, `https://127.0.0.1:${strict.address().port}/`)));
strict.close();
console.error("http.mjs ends");
