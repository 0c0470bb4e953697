/** What is true of every process of this host: read once, kept for the agent's life. */
import { hostname } from "node:os";
import type { Attribute } from "../model/attributes.ts";
import {
  ATTR_HOST_ARCH,
  ATTR_HOST_ID,
  ATTR_HOST_NAME,
  ATTR_OS_NAME,
  ATTR_OS_TYPE,
  ATTR_OS_VERSION,
} from "../semconv/resource.ts";
import type { HostFiles } from "./process-files.ts";

export interface HostFacts {
  readonly attributes: readonly Attribute[];
  /** The machine id; undefined where there is none (many containers). */
  readonly hostId: string | undefined;
  /** Unix seconds at which the kernel started; process start times count from here. */
  readonly bootSeconds: number | undefined;
}

/** host.arch values (docs/registry/attributes/host.md) by Node's names. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "x86", arm: "arm32" };

const OS_RELEASE = ["/etc/os-release", "/usr/lib/os-release"];
const MACHINE_ID = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

export function readHostFacts(files: HostFiles, name = hostname()): HostFacts {
  const hostId = firstText(files, MACHINE_ID)?.trim() || undefined;
  const release = parseOsRelease(firstText(files, OS_RELEASE) ?? "");
  const attributes: Attribute[] = [[ATTR_HOST_NAME, name]];
  if (hostId !== undefined) attributes.push([ATTR_HOST_ID, hostId]);
  attributes.push([ATTR_HOST_ARCH, architectures[process.arch] ?? process.arch]);
  attributes.push([ATTR_OS_TYPE, "linux"]);
  const osName = release.get("NAME");
  const osVersion = release.get("VERSION_ID");
  if (osName !== undefined) attributes.push([ATTR_OS_NAME, osName]);
  if (osVersion !== undefined) attributes.push([ATTR_OS_VERSION, osVersion]);
  const boot = /^btime (\d+)$/m.exec(files.text("/proc/stat") ?? "");
  return { attributes, hostId, bootSeconds: boot === null ? undefined : Number(boot[1]) };
}

function firstText(files: HostFiles, paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const text = files.text(path);
    if (text !== undefined && text.trim() !== "") return text;
  }
  return undefined;
}

/** os-release(5): shell-like assignments, values optionally quoted. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z0-9_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim());
    const value = (match?.[2] ?? match?.[3] ?? match?.[4] ?? "").replace(/\\(["$`\\])/g, "$1");
    if (match?.[1] !== undefined && value !== "") values.set(match[1], value);
  }
  return values;
}
