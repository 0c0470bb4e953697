/**
 * Cost of one ordinary plain log line of 100 bytes, from the write to the finished record, masking
 * included. Prints one line. Run: bun test/bench/log-lines.ts
 */
import type { LogRecord } from "../../src/model/log-record.ts";
import type { HookedProcess } from "../../src/model/process.ts";
import { Drops } from "../../src/self/drops.ts";
import { LogRecordBuilder } from "../../src/signals/log-records.ts";

const LINES = 200_000;
const ROUNDS = 5;
const LINE_BYTES = 100;

const hooked: HookedProcess = {
  id: 1,
  pid: 1,
  executable: "/usr/bin/app",
  args: [],
  serviceName: "app",
  resource: { attributes: [] },
};

const head = "2026-01-02 03:04:05,123 INFO app.orders: order 4711 of customer 17 is paid ";
const payload = new TextEncoder().encode(`${head.padEnd(LINE_BYTES - 1, "and sent ")}\n`);
const builder = new LogRecordBuilder({ drops: new Drops() });
let records = 0;
const emit = (record: LogRecord): void => {
  records += record.severityNumber === 9 ? 1 : 0;
};
const write = {
  process: hooked,
  fd: 1,
  tid: 1,
  timeNs: 0,
  wireLength: payload.length,
  payload,
  context: undefined,
  path: undefined,
};

let leastUs = Number.POSITIVE_INFINITY;
for (let round = 0; round < ROUNDS; round++) {
  const before = process.cpuUsage();
  for (let line = 0; line < LINES; line++) builder.add(write, emit);
  const used = process.cpuUsage(before);
  leastUs = Math.min(leastUs, (used.user + used.system) / LINES);
}
if (records !== LINES * ROUNDS) throw new Error(`${records} records of ${LINES * ROUNDS} lines`);
console.log(`log line, ${payload.length} bytes: ${leastUs.toFixed(2)} us of CPU (target 3)`);
