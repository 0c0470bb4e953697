// The answers of overlay_calls.mjs, over HTTP/1 and over HTTP/2 in plaintext. argv: PORT PORT2.
import http from "node:http";
import http2 from "node:http2";
import { answer, numberIn } from "./overlay_calls.mjs";

function serve(request, response) {
  request.resume();
  request.on("end", () => {
    const number = numberIn(request.url);
    if (Number.isNaN(number)) {
      response.writeHead(400);
      response.end();
      return;
    }
    const { status, headers, parts } = answer(number);
    response.writeHead(status, headers);
    for (const part of parts) response.write(part);
    response.end();
  });
}

const [, , port, port2] = process.argv;
// Kept connections may rest for as long as a busy machine makes them.
http.createServer({ keepAliveTimeout: 0 }, serve).listen(Number(port), "127.0.0.1");
http2.createServer(serve).listen(Number(port2), "127.0.0.1");
