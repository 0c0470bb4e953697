// node's http2, server and client in one: TLS with ALPN. argv: key, certificate, number of requests.
import { readFileSync } from "node:fs";
import { connect, createSecureServer } from "node:http2";

const [, , key, certificate, count] = process.argv;
const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(certificate) });
server.on("stream", (stream, headers) => {
  const path = headers[":path"];
  stream.respond({
    ":status": path.startsWith("/missing") ? 404 : 200,
    "content-type": "text/plain",
  });
  stream.end(`answer to ${path}`);
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const client = connect(`https://127.0.0.1:${port}`, { ca: readFileSync(certificate) });
  let left = Number(count);
  for (let index = 0; index < Number(count); index++) {
    const request = client.request({
      ":path": `/${index % 3 === 0 ? "missing" : "item"}/${index}`,
    });
    request.resume();
    request.on("end", () => {
      left--;
      if (left === 0) {
        client.close();
        server.close();
      }
    });
    request.end();
  }
});
