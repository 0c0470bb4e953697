/**
 * The environment of a hooked program. Invariant: every entry of the caller's environment is passed
 * on as it is, byte for byte, except the ones that hooking needs.
 */
import { isOwnLibrary } from "../host/visibility/process-environment.ts";

export interface HookEnvironment {
  readonly libraryPath: string;
  readonly socketPath: string;
  readonly controlPath: string;
  /** OTEL_SERVICE_NAME; undefined leaves it as it is. */
  readonly serviceName: string | undefined;
  readonly debug: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EQUALS = 61;

/** `entries` are NAME=value; the result has each changed variable once, at the end. */
export function hookedEnvironment(
  entries: readonly Uint8Array[],
  hook: HookEnvironment,
): Uint8Array[] {
  const changes = new Map<string, string>([
    ["OLLY_SOCKET", hook.socketPath],
    ["OLLY_CONTROL", hook.controlPath],
  ]);
  if (hook.serviceName !== undefined) changes.set("OTEL_SERVICE_NAME", hook.serviceName);
  if (hook.debug) changes.set("OLLY_DEBUG", "1");
  const kept: Uint8Array[] = [];
  let preload: Uint8Array = new Uint8Array();
  let sanitizer: Uint8Array = new Uint8Array();
  for (const entry of entries) {
    const name = decoder.decode(entry.subarray(0, Math.max(0, entry.indexOf(EQUALS))));
    if (name === "LD_PRELOAD") preload = entry.subarray(name.length + 1);
    else if (name === "ASAN_OPTIONS") sanitizer = entry.subarray(name.length + 1);
    else if (!changes.has(name)) kept.push(entry);
  }
  for (const [name, value] of changes) kept.push(encoder.encode(`${name}=${value}`));
  kept.push(sanitizerEntry(sanitizer));
  kept.push(preloadEntry(preload, hook.libraryPath));
  return kept;
}

/**
 * A program built with AddressSanitizer ends at once when its runtime is not the first library;
 * ours in front of it takes nothing away from it. What the caller sets comes later, and so wins.
 */
function sanitizerEntry(existing: Uint8Array): Uint8Array {
  const options = Buffer.from(existing).toString("latin1"); // keeps every byte
  const added = "verify_asan_link_order=0";
  const isThere = /(?:^|[\s,:])verify_asan_link_order=/.test(options);
  const value = isThere ? options : options === "" ? added : `${added}:${options}`;
  return Buffer.from(`ASAN_OPTIONS=${value}`, "latin1");
}

/**
 * The loader takes spaces and colons between entries; the others keep their order, before ours.
 * Another copy of the library (of an olly around this one) is replaced: two would hook twice.
 */
function preloadEntry(existing: Uint8Array, libraryPath: string): Uint8Array {
  const latin1 = Buffer.from(existing).toString("latin1"); // keeps every byte
  const others = latin1.split(/[ :]+/).filter((path) => path !== "" && !isOwnLibrary(path));
  const library = Buffer.from(libraryPath).toString("latin1");
  return Buffer.from(`LD_PRELOAD=${[...others, library].join(":")}`, "latin1");
}
