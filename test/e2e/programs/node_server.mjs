// The judge's node service: keep-alive, fixed and chunked bodies, several statuses.
// usage: node_server.mjs PORT [CERTIFICATE KEY]    with a certificate: HTTPS
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";

const [port, certificate, key] = process.argv.slice(2);

function answer(request, response) {
  if (request.url.startsWith("/chunked")) {
    response.writeHead(200, { "Content-Type": "text/plain" });
    response.write("first part, ");
    setImmediate(() => response.end("second part\n"));
  } else if (request.url.startsWith("/status/")) {
    response.writeHead(Number(request.url.slice("/status/".length)));
    response.end();
  } else if (request.method === "POST") {
    let size = 0;
    request.on("data", (bytes) => {
      size += bytes.length;
    });
    request.on("end", () => response.end(`${size} bytes\n`));
  } else {
    response.end("hello\n");
  }
}

const server =
  certificate === undefined
    ? createServer(answer)
    : createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) }, answer);
server.listen(Number(port), "127.0.0.1");
