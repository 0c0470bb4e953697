/** Builds records for tests, from FastCGI's specification and not from records.ts. */

export type Pairs = Readonly<Record<string, string>>;

export function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

export function record(type: number, id: number, content: Uint8Array | string = ""): Uint8Array {
  const bytes = Buffer.from(content);
  const padding = (8 - (bytes.length % 8)) % 8;
  const head = [1, type, id >> 8, id & 255, bytes.length >> 8, bytes.length & 255, padding, 0];
  return join(head, bytes, new Uint8Array(padding));
}

export function begin(id: number, role = 1, flags = 1): Uint8Array {
  return record(1, id, Uint8Array.of(0, role, flags, 0, 0, 0, 0, 0));
}

export function pairs(values: Pairs): Uint8Array {
  const length = (size: number): number[] =>
    size < 128
      ? [size]
      : [0x80 | (size >>> 24), (size >>> 16) & 255, (size >>> 8) & 255, size & 255];
  return join(
    ...Object.entries(values).map(([name, value]) =>
      join(length(name.length), length(value.length), Buffer.from(name + value)),
    ),
  );
}

/** BEGIN_REQUEST, parameters, and input without content. */
export function request(id: number, values: Pairs, role = 1): Uint8Array {
  return join(begin(id, role), record(4, id, pairs(values)), record(4, id), record(5, id));
}

export function output(id: number, text: string): Uint8Array {
  return record(6, id, text);
}

export function end(id: number, appStatus = 0, protocolStatus = 0): Uint8Array {
  return record(
    3,
    id,
    Uint8Array.of(0, 0, appStatus >> 8, appStatus & 255, protocolStatus, 0, 0, 0),
  );
}

export function get(path: string): Pairs {
  return { REQUEST_METHOD: "GET", REQUEST_URI: path, HTTP_HOST: "a.test" };
}
