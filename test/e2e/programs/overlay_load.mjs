// Calls of overlay_calls.mjs from threads, each with a kept connection of HTTP/1 and one of HTTP/2.
//   overlay_load.mjs load PORT PORT2 THREADS COUNT   COUNT calls of each thread, half on each
//   overlay_load.mjs until PORT PORT2 FLAG LATE      a connection of HTTP/1 for each kind, and one
//     of HTTP/2 for all, until the file FLAG exists; then LATE more of each kind on both
// The status of every answer is checked. Prints "busy" once each connection has had 20 answers, and
// the first number of the last calls.
import { existsSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { answer, KINDS, request } from "./overlay_calls.mjs";

const STREAMS = 5;

function checked(number, status) {
  if (status !== answer(number).status) throw new Error(`${number}: ${status}`);
}

/** HTTP/1 on a connection of its own. */
function connection1(port) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const call = (number) =>
    new Promise((resolve, reject) => {
      const { method, path, headers, body } = request(number);
      const length = { "content-length": String(Buffer.byteLength(body)) };
      const options = { host: "localhost", family: 4, port, agent, method, path };
      const made = http.request({ ...options, headers: { ...headers, ...length } }, (response) => {
        checked(number, response.statusCode);
        response.resume();
        response.on("end", resolve);
      });
      made.on("error", reject);
      made.end(body);
    });
  return { call, close: () => agent.destroy() };
}

function connection2(port) {
  const session = http2.connect(`http://localhost:${port}`, { family: 4 });
  const call = (number) =>
    new Promise((resolve, reject) => {
      const { method, path, headers, body } = request(number);
      const endStream = method === "GET";
      const head = { ":method": method, ":path": path, ...headers };
      const stream = session.request(head, { endStream });
      stream.on("response", (fields) => checked(number, fields[":status"]));
      stream.on("end", resolve);
      stream.on("error", reject);
      stream.resume();
      if (!endStream) stream.end(body);
    });
  return { call, close: () => session.close() };
}

async function inTurn({ call }, numbers) {
  for (const number of numbers) await call(number);
}

/** Several streams at a time. */
async function atOnce(connection, numbers) {
  const lanes = Array.from({ length: STREAMS }, (_, lane) =>
    inTurn(
      connection,
      numbers.filter((_number, place) => place % STREAMS === lane),
    ),
  );
  await Promise.all(lanes);
}

async function load({ port, port2, first, count }) {
  const numbers = Array.from({ length: count }, (_, index) => first + index);
  const one = connection1(port);
  const two = connection2(port2);
  await Promise.all([
    inTurn(one, numbers.slice(0, count / 2)),
    atOnce(two, numbers.slice(count / 2)),
  ]);
  one.close();
  two.close();
}

async function until({ port, port2, flag, late }) {
  const kinds = KINDS.length;
  const ones = KINDS.map(() => connection1(port));
  const two = connection2(port2);
  let busy = 0;
  let rounds = 0;
  const early = async (connection, kind, half) => {
    for (let round = 0; !existsSync(flag); round++) {
      await connection.call((2 * round + half) * kinds + kind);
      if (round === 20 && ++busy === 2 * kinds) console.log("busy");
      rounds = Math.max(rounds, round + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const every = (work) =>
    Promise.all(KINDS.flatMap((_, kind) => [work(ones[kind], kind, 0), work(two, kind, 1)]));
  await every(early);
  const begin = 2 * rounds + 2;
  await every(async (connection, kind, half) => {
    for (let round = 0; round < late; round++) {
      await connection.call((begin + 2 * round + half) * kinds + kind);
    }
  });
  for (const one of ones) one.close();
  two.close();
  console.log(`late ${begin * kinds}`);
}

if (isMainThread) {
  const [, , mode, port, port2, fourth, fifth] = process.argv;
  if (mode === "load") {
    const count = Number(fifth);
    for (let thread = 0; thread < Number(fourth); thread++) {
      const data = { port, port2, first: thread * count, count };
      new Worker(new URL(import.meta.url), { workerData: data });
    }
  } else await until({ port, port2, flag: fourth, late: Number(fifth) });
} else await load(workerData);
