// node's worker_threads, each with sockets of its own, and cluster with two processes on one port.
import cluster from "node:cluster";
import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { fileURLToPath } from "node:url";
import { isMainThread, MessageChannel, parentPort, Worker, workerData } from "node:worker_threads";

const self = fileURLToPath(import.meta.url);
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

async function get(port, path) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${response.status} ${await response.text()}`;
}

async function thread() {
  const server = http.createServer((request, response) => {
    response.end(`thread ${workerData.number} ${request.url}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, at) => get(server.address().port, `/${at}`)),
  );
  server.closeAllConnections();
  server.close();
  Atomics.add(workerData.shared, 0, answers.length);
  process.stdout.write(`thread ${workerData.number} has its answers\n`);
  const [port] = await once(parentPort, "message");
  port.postMessage({ number: workerData.number, digest: digest(answers.join()) });
  port.close();
}

async function threads() {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  for (const number of [1, 2, 3]) {
    const worker = new Worker(self, { workerData: { number, shared } });
    const { port1, port2 } = new MessageChannel();
    worker.postMessage(port2, [port2]);
    const [message] = await once(port1, "message");
    console.log(JSON.stringify(message), "exit", (await once(worker, "exit"))[0]);
  }
  console.log("shared", shared[0]);
  const failing = new Worker("setTimeout(() => { throw new TypeError('on purpose'); })", {
    eval: true,
  });
  console.log("error", (await once(failing, "error"))[0].message);
  const endless = new Worker("setInterval(() => {}, 1000)", { eval: true });
  await once(endless, "online");
  console.log("terminated", await endless.terminate());
}

function member() {
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { connection: "close" });
    response.end(`${cluster.worker.id} answers`);
  });
  server.listen({ port: Number(process.env.PORT_OF_CLUSTER), host: "127.0.0.1" });
  process.on("message", () => {
    console.log(`member ${cluster.worker.id} leaves`);
    server.close(() => process.exit(cluster.worker.id));
  });
}

async function members() {
  const probe = http.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  const both = [1, 2].map(() => cluster.fork({ PORT_OF_CLUSTER: port }));
  await Promise.all(both.map((worker) => once(worker, "listening")));
  const counts = {};
  for (let at = 0; at < 20; at++) {
    const answer = await get(port, "/");
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  console.log(JSON.stringify(Object.entries(counts).sort()));
  for (const worker of both) {
    worker.send("leave");
    console.log("member", worker.id, ...(await once(worker, "exit")));
  }
}

if (!isMainThread) {
  await thread();
} else if (cluster.isWorker) {
  member();
} else {
  await threads();
  await members();
  console.error("threads.mjs ends");
}
