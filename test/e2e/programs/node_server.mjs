// The judge's node service: keep-alive, fixed and chunked bodies, several statuses.
// usage: node_server.mjs PORT
import { createServer } from "node:http";

const server = createServer((request, response) => {
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
});
server.listen(Number(process.argv[2]), "127.0.0.1");
