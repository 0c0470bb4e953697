/**
 * Environment variables as a layer of settings: OLLY_<KEY> for every key, and the standard OTEL_*
 * ones. Invariant: what is wrong in a variable of ours is a problem, in a standard one a warning
 * (OpenTelemetry specification, sdk-environment-variables: ignore and say so).
 */
import { parseKeyValueList } from "../lib/key-value-list.ts";
import { nearest } from "../lib/nearest.ts";
import type { Attribute } from "../model/attributes.ts";
import { type ConfigKey, configKeys, type Layer } from "./schema.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentLayer {
  readonly layer: Layer;
  readonly resourceAttributes: readonly Attribute[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const SERVICE_NAME = "service.name";
/** True of one process only, so never taken over for others. */
const notShared: readonly string[] = [SERVICE_NAME, "service.instance.id"];

/** Variables that mean something to the library or to a hooked program, not to a key. */
const otherVariables: readonly string[] = ["OLLY_CONTROL", "OLLY_DISABLED"];

const keyPaths = Object.keys(configKeys) as ConfigKey[];

/** OLLY_HOOK_SOCKET_PATH for hook.socket_path. */
export function variableOf(path: ConfigKey): string {
  return `OLLY_${path.replaceAll(".", "_").toUpperCase()}`;
}

export function environmentLayer(environment: Environment): EnvironmentLayer {
  const problems: string[] = [];
  const warnings: string[] = [];
  const layer: Layer = {};
  for (const path of keyPaths) {
    const key = configKeys[path];
    for (const variable of [variableOf(path), ...key.environment]) {
      const written = environment[variable];
      if (written === undefined || written === "") continue;
      const parsed = key.ofText(written);
      if ("value" in parsed) {
        Object.assign(layer, { [path]: parsed.value });
        break;
      }
      if (variable.startsWith("OLLY_")) problems.push(`${variable}: ${parsed.problem}`);
      else warnings.push(`${variable} is ignored: ${parsed.problem}`);
    }
  }
  const resourceAttributes = resourceAttributesOf(environment, layer, warnings);
  warnings.push(...misspelt(environment));
  return { layer, resourceAttributes, problems, warnings };
}

function resourceAttributesOf(
  environment: Environment,
  layer: Layer,
  warnings: string[],
): Attribute[] {
  const pairs = parseKeyValueList(environment["OTEL_RESOURCE_ATTRIBUTES"] ?? "");
  if (pairs === undefined) {
    warnings.push("OTEL_RESOURCE_ATTRIBUTES is ignored: expects name=value,name2=value2");
    return [];
  }
  const serviceName = pairs.get(SERVICE_NAME);
  if (serviceName !== undefined && serviceName !== "") {
    Object.assign(layer, { service_name: layer.service_name ?? serviceName });
  }
  return [...pairs].filter(([name]) => !notShared.includes(name));
}

/** Only near misses: a variable of ours that merely is not known may belong to somebody else. */
function misspelt(environment: Environment): string[] {
  const known = [...keyPaths.map(variableOf), "OLLY_SOCKET", "OLLY_DEBUG", ...otherVariables];
  return Object.keys(environment)
    .filter((name) => name.startsWith("OLLY_") && !known.includes(name))
    .flatMap((name) => {
      const near = nearest(
        name.slice("OLLY_".length),
        known.map((one) => one.slice("OLLY_".length)),
      );
      return near === undefined ? [] : [`${name} is not known, did you mean OLLY_${near}?`];
    });
}
