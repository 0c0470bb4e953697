/**
 * Proof that the library was at work in a hooked run, without which "no difference" says nothing.
 * Invariant: a run is known by its OTEL_SERVICE_NAME, which the bare run has, too.
 */
import { expect } from "bun:test";
import type { TestAgent } from "../harness/olly.ts";
import { type Attributes, Kind, type OtlpFile, readOtlpFile } from "../harness/otlp-file.ts";
import { waitFor } from "../harness/wait.ts";

export interface Traces {
  /** Programs that wrote lines or moved bytes, by how the names of their executables begin. */
  readonly executables: readonly string[];
  /** A line that the program wrote at its end. */
  readonly lastLine?: string;
  /** Both ends of HTTP exchanges are to be seen. */
  readonly hasExchanges?: boolean;
}

const WAIT_MS = 300_000;

/** Put into the environment of both runs. */
export function identity(service: string): Readonly<Record<string, string>> {
  return { OTEL_SERVICE_NAME: service };
}

/** Waits until the agent has told everything expected of the hooked run. */
export async function expectTraced(
  agent: TestAgent,
  service: string,
  traces: Traces,
): Promise<void> {
  const missing = () => missingOf(ownOf(readOtlpFile(agent.file), service), traces);
  await waitFor(() => missing().length === 0, {
    what: `the traces of ${service}`,
    withinMs: WAIT_MS,
    seen: () => `everything but ${missing().join(", ")}`,
  });
  expect(missing()).toEqual([]);
}

function ownOf(seen: OtlpFile, service: string): OtlpFile {
  const isOwn = ({ resource }: { readonly resource: Attributes }) =>
    resource["service.name"] === service;
  return { ...seen, spans: seen.spans.filter(isOwn), logs: seen.logs.filter(isOwn) };
}

function missingOf({ spans, logs }: OtlpFile, traces: Traces): string[] {
  const names = [...spans, ...logs].map((item) => String(item.resource["process.executable.name"]));
  const missing = traces.executables.filter((name) => !names.some((seen) => seen.startsWith(name)));
  const { lastLine } = traces;
  if (lastLine !== undefined && !logs.some(({ body }) => body === lastLine)) {
    missing.push(`the line "${lastLine}"`);
  }
  if (traces.hasExchanges === true) {
    const absent = [Kind.client, Kind.server].filter(
      (kind) => !spans.some((span) => span.kind === kind),
    );
    missing.push(...absent.map((kind) => `spans of kind ${kind}`));
  }
  return missing;
}
