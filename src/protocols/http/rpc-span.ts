/** The span of a remote procedure call, made of the HTTP span that it replaces. */
import type { Attribute } from "../../model/attributes.ts";
import { type SpanDraft, StatusCode } from "../../model/span.ts";
import {
  ATTR_ERROR_TYPE,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME, ATTR_OLLY_HTTP_FIELDS_UNKNOWN } from "../../semconv/olly.ts";
import {
  ATTR_OLLY_RPC_REQUEST_MESSAGES,
  ATTR_OLLY_RPC_RESPONSE_MESSAGES,
  ATTR_RPC_METHOD,
  ATTR_RPC_METHOD_ORIGINAL,
  ATTR_RPC_RESPONSE_STATUS_CODE,
  ATTR_RPC_SYSTEM_NAME,
  RPC_METHOD_OTHER,
} from "../../semconv/rpc.ts";

export interface RpcCall {
  readonly system: string;
  /** package.Service/Method, as the request's path has it; undefined = not known. */
  readonly method: string | undefined;
  /** False when the server has said that it knows no such method. */
  readonly isMethodKnown: boolean;
  readonly status: string | undefined;
  readonly errorType: string | undefined;
  /** undefined = not counted, or not all were seen. */
  readonly requestMessages: number | undefined;
  readonly responseMessages: number | undefined;
}

/** Attributes that a call shares with the HTTP exchange that carries it. */
const SHARED: ReadonlySet<string> = new Set([
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_OLLY_EXCHANGE_OUTCOME,
  ATTR_OLLY_HTTP_FIELDS_UNKNOWN,
]);

/** docs/rpc/rpc-spans.md: named by the method, or by the system where that is not a known one. */
export function rpcDraft(draft: SpanDraft, call: RpcCall): SpanDraft {
  const { method, errorType } = call;
  const attributes: Attribute[] = [[ATTR_RPC_SYSTEM_NAME, call.system]];
  const isKnown = method !== undefined && call.isMethodKnown;
  if (method !== undefined) attributes.push([ATTR_RPC_METHOD, isKnown ? method : RPC_METHOD_OTHER]);
  if (method !== undefined && !isKnown) attributes.push([ATTR_RPC_METHOD_ORIGINAL, method]);
  if (call.status !== undefined) attributes.push([ATTR_RPC_RESPONSE_STATUS_CODE, call.status]);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  for (const attribute of draft.attributes) {
    if (SHARED.has(attribute[0])) attributes.push(attribute);
  }
  if (call.requestMessages !== undefined) {
    attributes.push([ATTR_OLLY_RPC_REQUEST_MESSAGES, call.requestMessages]);
  }
  if (call.responseMessages !== undefined) {
    attributes.push([ATTR_OLLY_RPC_RESPONSE_MESSAGES, call.responseMessages]);
  }
  return {
    name: isKnown ? method : call.system,
    kind: draft.kind,
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    statusMessage: undefined,
  };
}

/** package.Service/Method of a path: its last two segments' form, without the query. */
export function rpcMethodOf(target: string | undefined): string | undefined {
  if (target === undefined) return undefined;
  const path = target.split("?", 1)[0] ?? "";
  return path.startsWith("/") ? path.slice(1) : path;
}

/** The value of an attribute of a draft. */
export function attributeOf(draft: SpanDraft, key: string): unknown {
  return draft.attributes.find(([name]) => name === key)?.[1];
}
