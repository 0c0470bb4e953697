/**
 * What of a process's environment, as it was at its start, decides what olly sees of it. Invariant:
 * no value but of these few variables is kept.
 */

export interface Environment {
  /** Path of our library in LD_PRELOAD, "" for none. */
  readonly ownLibrary: string;
  /** Other libraries in LD_PRELOAD. */
  readonly otherPreloads: readonly string[];
  readonly disabled: boolean;
  /** OLLY_CONTROL and OLLY_SOCKET, "" when they are not set. */
  readonly controlPath: string;
  readonly socketPath: string;
  /** There was more than may be read: what was not found may still be there. */
  readonly cut: boolean;
}

const ownLibraryName = /^libolly(?:-[0-9a-f]+)?\.so$/;

export function isOwnLibrary(path: string): boolean {
  return ownLibraryName.test(path.slice(path.lastIndexOf("/") + 1));
}

export function parseEnvironment(text: string, cut: boolean): Environment {
  const values = new Map<string, string>();
  for (const entry of text.split("\0")) {
    const equals = entry.indexOf("=");
    const name = entry.slice(0, Math.max(0, equals));
    // getenv() finds the first of two.
    if (wanted.has(name) && !values.has(name)) values.set(name, entry.slice(equals + 1));
  }
  const preloads = (values.get("LD_PRELOAD") ?? "").split(/[ :]+/).filter((path) => path !== "");
  return {
    ownLibrary: preloads.find(isOwnLibrary) ?? "",
    otherPreloads: preloads.filter((path) => !isOwnLibrary(path)),
    disabled: values.get("OLLY_DISABLED") === "1",
    controlPath: values.get("OLLY_CONTROL") ?? "",
    socketPath: values.get("OLLY_SOCKET") ?? "",
    cut,
  };
}

const wanted: ReadonlySet<string> = new Set([
  "LD_PRELOAD",
  "OLLY_CONTROL",
  "OLLY_DISABLED",
  "OLLY_SOCKET",
]);
