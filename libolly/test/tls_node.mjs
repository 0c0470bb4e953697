// HTTP/2 over TLS between a server and a client of one node process: node's own C++ moves all of
// its plaintext, past every function of JavaScript. usage: tls_node.mjs BUILD_DIR
import { readFileSync } from "node:fs";
import http2 from "node:http2";

const build = process.argv[2];
const cert = readFileSync(`${build}/cert.pem`);
const key = readFileSync(`${build}/key.pem`);
const server = http2.createSecureServer({ cert, key });
server.on("stream", (stream) => stream.respond({ ":status": 200 }) ?? stream.pipe(stream));
server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  for (let round = 0; round < 3; round++) {
    const stream = session.request({ ":method": "POST", ":path": `/round/${round}` });
    stream.end(Buffer.alloc(100_000, `round ${round} `));
    let bytes = 0;
    for await (const chunk of stream) bytes += chunk.length;
    console.log(bytes);
  }
  session.close();
  server.close();
});
