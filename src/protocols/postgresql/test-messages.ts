/** Builds messages of the protocol for tests. Invariant: the length field is always right. */

function concat(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
}

function int16(value: number): Uint8Array {
  return Uint8Array.of((value >> 8) & 255, value & 255);
}

function int32(value: number): Uint8Array {
  return concat(int16(value >>> 16), int16(value & 0xffff));
}

export function message(type: string, ...body: readonly (Uint8Array | string)[]): Uint8Array {
  const bytes = concat(...body);
  return concat(type, int32(bytes.length + 4), bytes);
}

export function startup(parameters: Readonly<Record<string, string>>, version = 196_608) {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = concat(int32(version), ...pairs, "\0");
  return concat(int32(body.length + 4), body);
}

export const query = (text: string) => message("Q", `${text}\0`);
export const parse = (name: string, text: string) => message("P", `${name}\0${text}\0`, int16(0));
export const bind = (portal: string, name: string, value = "1") =>
  message("B", `${portal}\0${name}\0`, int16(0), int16(1), int32(value.length), value, int16(0));
export const execute = (portal = "") => message("E", `${portal}\0`, int32(0));
export const close = (name: string) => message("C", `S${name}\0`);
export const sync = message("S");

export const ready = (status = "I") => message("Z", status);
export const tag = (text: string) => message("C", `${text}\0`);
export const row = (value: string) => message("D", int16(1), int32(value.length), value);
export const parameter = (name: string, value: string) => message("S", `${name}\0${value}\0`);
export const error = (state: string, severity = "ERROR") =>
  message("E", `S${severity}\0V${severity}\0C${state}\0Mvalue 4711 is wrong\0\0`);
export const parseComplete = message("1");
export const bindComplete = message("2");

export { concat };
