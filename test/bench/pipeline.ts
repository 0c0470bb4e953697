/**
 * The agent's work per HTTP exchange of 1 KB, without input and output: connections, streams,
 * parsing, correlation, description and OTLP encoding, on one core. One end is hooked, so each
 * exchange is two messages and one span. Prints exchanges per second and CPU time per span.
 */

import { OtlpEncoder } from "../../src/export/otlp/encode.ts";
import { createSystemClock } from "../../src/host/system-clock.ts";
import { createIdSource } from "../../src/lib/ids.ts";
import { limits } from "../../src/limits.ts";
import { type HookMessage, MessageType } from "../../src/model/message.ts";
import type { HookedProcess } from "../../src/model/process.ts";
import type { Span } from "../../src/model/span.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { protocols } from "../../src/protocols/index.ts";
import { Drops } from "../../src/self/drops.ts";
import { endpointsOf } from "../../src/wire/address.ts";

const CONNECTIONS = 64;
const WARM_UP = 100_000;
const EXCHANGES = 400_000;

const utf8 = (text: string) => new TextEncoder().encode(text);
const request = utf8(
  "GET /api/orders/4711?expand=items HTTP/1.1\r\nHost: shop.example:8080\r\n" +
    "User-Agent: bench/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n",
);
const head =
  "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sat, 21 Nov 2026 07:00:00 GMT\r\n" +
  "Content-Type: application/json\r\nContent-Length: ";
const bodyBytes = 1024 - head.length - 8 - request.length;
const response = utf8(`${head}${bodyBytes}\r\n\r\n${"x".repeat(bodyBytes)}`);

const process_: HookedProcess = {
  id: 1,
  pid: 1,
  executable: "/bin/bench",
  args: [],
  serviceName: "bench",
  resource: { attributes: [["service.name", "bench"]] },
};

const clock = createSystemClock();
const encoder = new OtlpEncoder();
const drops = new Drops();
let batch: Span[] = [];
let spans = 0;
let bytes = 0;

function encode(): void {
  bytes += encoder.spans(batch, clock.unixOffset()).length;
  spans += batch.length;
  batch = [];
}

const pipeline = new Pipeline({
  protocols,
  policy: { httpKnownMethods: new Set(["GET"]) },
  ids: createIdSource(),
  drops,
  endpointsOf,
  pathOf: () => undefined,
  span: (span) => {
    batch.push(span);
    if (batch.length >= limits.exportBatchItemsMax) encode();
  },
  log: () => {},
  bug: (error) => {
    throw error;
  },
});

let now = 1e9;
function send(type: number, fd: number, payload: Uint8Array): void {
  now += 1_000;
  const message: HookMessage = {
    type,
    flags: 0,
    sequence: 0,
    pid: 1,
    tid: fd,
    fd,
    wireLength: payload.length,
    timeNs: now,
    payload,
  };
  pipeline.message(1, message);
}

function run(exchanges: number): void {
  for (let index = 0; index < exchanges; index++) {
    const fd = 10 + (index % CONNECTIONS);
    send(MessageType.dataIn, fd, request);
    send(MessageType.dataOut, fd, response);
  }
}

pipeline.processStarted(process_);
for (let fd = 10; fd < 10 + CONNECTIONS; fd++) {
  send(MessageType.accept, fd, new Uint8Array([10, 0, 0, 1, 200, fd, 10, 0, 0, 2, 31, 144]));
}
run(WARM_UP);
spans = 0;
const before = process.cpuUsage();
const started = clock.monotonicNs();
run(EXCHANGES);
const wallNs = clock.monotonicNs() - started;
const cpu = process.cpuUsage(before);
const perSecond = Math.round((EXCHANGES / wallNs) * 1e9);
const cpuPerSpan = (cpu.user + cpu.system) / spans;
process.stdout.write(`pipeline_exchanges_per_second ${perSecond} 1/s\n`);
process.stdout.write(`pipeline_cpu_per_span ${cpuPerSpan.toFixed(2)} us\n`);
process.stdout.write(`pipeline_dropped ${drops.entries().length} reasons (${bytes} bytes)\n`);
