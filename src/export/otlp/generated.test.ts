/** src/gen is what `bun run generate` makes of proto/ today, and of nothing else. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { LogsService } from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import { TraceService } from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";

const root = resolve(import.meta.dir, "../../..");
const directory = mkdtempSync(join(tmpdir(), "olly-generated-"));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function contentOf(base: string): Record<string, string> {
  const entries = readdirSync(base, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    files.toSorted().map((file) => [file.slice(base.length + 1), readFileSync(file, "utf8")]),
  );
}

test("generated code has not drifted from proto/", () => {
  const command = [process.execPath, "run", "generate", "--output", directory];
  const generated = Bun.spawnSync(command, { cwd: root });
  expect(generated.exitCode, generated.stderr.toString()).toBe(0);
  const committed = contentOf(join(root, "src/gen"));
  expect(Object.keys(committed).length).toBeGreaterThanOrEqual(7);
  expect(contentOf(join(directory, "src/gen"))).toEqual(committed);
}, 300_000);

test("the gRPC methods are OTLP's", () => {
  const paths = [TraceService, LogsService].map(
    (service) => `/${service.typeName}/${service.method.export.name}`,
  );
  expect(paths).toEqual([
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
  ]);
});
