/** Packets of the binary protocol for tests. */
import { HEADER_BYTES, Magic } from "./header.ts";

export interface PacketOptions {
  readonly extras?: Uint8Array;
  readonly key?: string;
  readonly value?: string;
  readonly opaque?: number;
  readonly status?: number;
}

export function request(opcode: number, options: PacketOptions = {}): Uint8Array {
  return packet(Magic.request, opcode, options);
}

export function response(opcode: number, options: PacketOptions = {}): Uint8Array {
  return packet(Magic.response, opcode, options);
}

function packet(magic: number, opcode: number, options: PacketOptions): Uint8Array {
  const { extras = new Uint8Array(), key = "", value = "", opaque = 0, status = 0 } = options;
  const encoder = new TextEncoder();
  const body = [extras, encoder.encode(key), encoder.encode(value)];
  const bodyBytes = body.reduce((sum, part) => sum + part.length, 0);
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  header.setUint8(0, magic);
  header.setUint8(1, opcode);
  header.setUint16(2, key.length);
  header.setUint8(4, extras.length);
  header.setUint16(6, status);
  header.setUint32(8, bodyBytes);
  header.setUint32(12, opaque);
  return join(new Uint8Array(header.buffer), ...body);
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
