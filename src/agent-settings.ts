/** Configuration → what the stages take. Pure: no stage is started here. */
import type { Config } from "./config/schema.ts";
import type { ExportSettings } from "./export/exporter.ts";
import type { RouteSettings } from "./model/route.ts";
import type { CapturePolicy, ConnectionRecord, Protocol } from "./protocols/contract.ts";
import { overlays } from "./protocols/http/overlays/index.ts";
import { protocols } from "./protocols/index.ts";
import { tcp } from "./protocols/tcp-record.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "./semconv/http.ts";

export interface ConsoleSink {
  write(text: string): void;
  readonly colour: boolean;
  readonly columns: number;
}

/** The protocols that are switched on, in order of detection. */
export function enabledProtocols(config: Config): readonly Protocol[] {
  if (!config.tracing.enabled) return [];
  return protocols.filter((protocol) => config.tracing.protocols[protocol.id]?.enabled !== false);
}

/** What tells of connections that speak none of them. */
export function enabledRecord({ tracing }: Config): ConnectionRecord | undefined {
  return tracing.enabled && tracing.protocols[tcp.id]?.enabled !== false ? tcp : undefined;
}

/** What protocols may say of an exchange. */
export function capturePolicyOf(config: Config): CapturePolicy {
  const off = overlays.filter(({ id }) => config.tracing.protocols[id]?.enabled === false);
  return {
    httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT),
    overlaysOff: new Set(off.map(({ id }) => id)),
    genAiContent: config.tracing.genAiContent,
  };
}

/** How requests are named; undefined = by their methods alone. */
export function routeSettingsOf({ tracing }: Config): RouteSettings | undefined {
  return tracing.routes.enabled ? tracing.routes : undefined;
}

export function exportSettingsOf(config: Config, console: ConsoleSink): ExportSettings {
  const { otlp, file, stdout } = config.exporters;
  const settings: ExportSettings = {};
  if (otlp.enabled) {
    settings.otlp = {
      endpoint: otlp.endpoint,
      headers: { ...otlp.headers },
      timeoutMs: otlp.timeoutMs,
      compression: otlp.compression,
    };
  }
  if (file.enabled && file.path !== undefined) settings.file = { path: file.path };
  if (stdout.enabled) {
    settings.console = {
      format: stdout.format,
      colour: console.colour,
      columns: console.columns,
      write: (text) => console.write(text),
    };
  }
  return settings;
}
