/**
 * A real OpenTelemetry Collector with the OTLP receiver and the file exporter, built by the
 * collector builder from the Go module proxy. Invariant: it is built once for each version and
 * kept outside the project; a half-built one is never found.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { freePort, waitForPort } from "./ports.ts";
import { output, type Program, start, temporaryDirectory } from "./processes.ts";

/**
 * Versions that go together, and that the module proxy gives with all they need (not true of each
 * release): components, and the stable modules of the same release.
 */
const COMPONENT_VERSION = "v0.145.0";
const STABLE_VERSION = "v1.51.0";
const CORE = "go.opentelemetry.io/collector";
const CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib";

export interface Collector {
  /** For exporters.otlp.endpoint. */
  readonly endpoint: string;
  /** OTLP/JSON lines of everything received. */
  readonly file: string;
  readonly configuration: string;
  readonly program: Program;
}

/** Builds the collector unless this machine has it, in a minute or two, and gives its path. */
export async function buildCollector(): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const parent = join(cache, "olly-test");
  const binary = join(parent, `otelcol-${COMPONENT_VERSION}`);
  if (existsSync(binary)) {
    return binary;
  }
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, "build-"));
  try {
    writeFileSync(join(work, "builder.yaml"), manifest());
    const builder = `${CORE}/cmd/builder@${COMPONENT_VERSION}`;
    await output([goBinary(), "run", builder, "--config", "builder.yaml"], {
      cwd: work,
      env: { CGO_ENABLED: "0" },
    });
    renameSync(join(work, "dist", "otelcol"), binary);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return binary;
}

/** Starts a collector that listens for OTLP/gRPC on a free port, or starts an earlier one again. */
export async function startCollector(earlier?: Collector): Promise<Collector> {
  const binary = await buildCollector();
  if (earlier !== undefined) {
    const program = start([binary, "--config", earlier.configuration]);
    await waitForPort(Number(new URL(earlier.endpoint).port), "the collector");
    return { ...earlier, program };
  }
  const directory = temporaryDirectory();
  const port = await freePort();
  const file = join(directory, "received.jsonl");
  const configuration = join(directory, "collector.yaml");
  writeFileSync(configuration, settings(port, file));
  const program = start([binary, "--config", configuration]);
  await waitForPort(port, "the collector");
  return { endpoint: `http://127.0.0.1:${port}`, file, configuration, program };
}

export function goBinary(): string {
  const found = Bun.which("go") ?? "/usr/local/go/bin/go";
  if (!existsSync(found)) {
    throw new Error("Go is needed to build the OpenTelemetry Collector: see test/require.sh");
  }
  return found;
}

function manifest(): string {
  const providers = ["file", "env", "yaml"].map(
    (name) => `  - gomod: ${CORE}/confmap/provider/${name}provider ${STABLE_VERSION}\n`,
  );
  return `dist:
  name: otelcol
  output_path: ./dist
receivers:
  - gomod: ${CORE}/receiver/otlpreceiver ${COMPONENT_VERSION}
exporters:
  - gomod: ${CONTRIB}/exporter/fileexporter ${COMPONENT_VERSION}
providers:
${providers.join("")}`;
}

function settings(port: number, file: string): string {
  return `receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:${port}
exporters:
  file:
    path: ${file}
    flush_interval: 100ms
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [file]
    logs:
      receivers: [otlp]
      exporters: [file]
`;
}
