/**
 * Payload of PROCESS → ProcessHello. Invariant: keeps at most processHello.argsMax arguments and
 * ENVIRONMENT_MAX variables, however many the sender lists.
 */
import { indexOfByte, textOf } from "../lib/bytes.ts";
import type { ProcessHello } from "../model/process-hello.ts";
import type { DropReason } from "../self/drops.ts";
import { processHello } from "./layout.ts";

const ENVIRONMENT_MAX = 32;
const TOKEN = /^[0-9a-f]{16}$/;

/** NUL-terminated strings, key and value in turn; a string without its end or value: malformed. */
export function decodeProcessHello(payload: Uint8Array): ProcessHello | DropReason {
  let executable = "";
  const args: string[] = [];
  const environment = new Map<string, string>();
  let token: bigint | undefined;
  let at = 0;
  while (at < payload.length) {
    const keyEnd = indexOfByte(payload, 0, at, payload.length);
    if (keyEnd < 0) return "message_malformed";
    const valueEnd = indexOfByte(payload, 0, keyEnd + 1, payload.length);
    if (valueEnd < 0) return "message_malformed";
    const key = textOf(payload, at, keyEnd);
    const value = textOf(payload, keyEnd + 1, valueEnd);
    if (key === "exe") executable = value;
    else if (key === "token") {
      if (TOKEN.test(value)) token = BigInt(`0x${value}`);
    } else if (key !== "arg") {
      if (environment.size < ENVIRONMENT_MAX) environment.set(key, value);
    } else if (args.length < processHello.argsMax) args.push(value);
    at = valueEnd + 1;
  }
  return { executable, args, environment, ...(token === undefined ? {} : { token }) };
}
