/**
 * Microseconds of CPU per span of the two ways to encode a batch, taken in turns in one run so that
 * their ratio holds on a busy machine. Usage: bun test/bench/encode.ts
 */
import { toBinary } from "@bufbuild/protobuf";
import { OtlpEncoder } from "../../src/export/otlp/encode.ts";
import { spansLine } from "../../src/export/otlp/json.ts";
import {
  fakeClock,
  processOf,
  seededRandom,
  typicalSpan,
} from "../../src/export/otlp/test-data.ts";
import { tracesDataOf } from "../../src/export/otlp/test-messages.ts";
import { TracesDataSchema } from "../../src/gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { limits } from "../../src/limits.ts";

const ROUNDS = 300;
const WARM_UP_ROUNDS = 50;

const random = seededRandom(1);
const offset = fakeClock().unixOffset();
const processes = [processOf(1, "shop"), processOf(2, "pricing")];
const spans = Array.from({ length: limits.exportBatchItemsMax }, (_, index) =>
  typicalSpan(random, processes[index % 2] ?? processOf(3, "other")),
);
const encoder = new OtlpEncoder();
const message = tracesDataOf(spans, offset);

const candidates: [name: string, run: () => number][] = [
  ["hand-written encoder", () => encoder.spans(spans, offset).length],
  ["protobuf-es toBinary, message already built", () => toBinary(TracesDataSchema, message).length],
  [
    "protobuf-es, message built and encoded",
    () => toBinary(TracesDataSchema, tracesDataOf(spans, offset)).length,
  ],
  ["OTLP/JSON line", () => spansLine(spans, offset).length],
];

const cpuMicros = candidates.map(() => 0);
const sizes = candidates.map(() => 0);
for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
  for (const [index, [, run]] of candidates.entries()) {
    const before = process.cpuUsage();
    sizes[index] = run();
    const used = process.cpuUsage(before);
    if (round >= 0) cpuMicros[index] = (cpuMicros[index] ?? 0) + used.user + used.system;
  }
}

const base = cpuMicros[0] ?? 1;
process.stdout.write(
  `encode: ${limits.exportBatchItemsMax} spans a batch, ${ROUNDS} batches each\n`,
);
for (const [index, [name]] of candidates.entries()) {
  const total = cpuMicros[index] ?? 0;
  const perSpan = total / (ROUNDS * limits.exportBatchItemsMax);
  const bytes = Math.round((sizes[index] ?? 0) / limits.exportBatchItemsMax);
  const columns = [
    perSpan.toFixed(3).padStart(8),
    "µs/span",
    (total / base).toFixed(2).padStart(7),
  ];
  process.stdout.write(`${columns.join(" ")}x  ${bytes} bytes/span  ${name}\n`);
}
