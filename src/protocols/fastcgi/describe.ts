/**
 * An exchange as the HTTP span that it stands for (semantic conventions 1.44.0), with what FastCGI
 * adds. Invariant: pure, and nothing of the application's output or errors is in it but counts.
 * Further values of error.type: cant_multiplex, overloaded, unknown_role (how an application
 * refuses a request).
 */
import type { Attribute } from "../../model/attributes.ts";
import type { Exchange } from "../../model/exchange.ts";
import { type SpanDraft, StatusCode } from "../../model/span.ts";
import {
  ATTR_OLLY_FASTCGI_APP_STATUS,
  ATTR_OLLY_FASTCGI_ROLE,
  ATTR_OLLY_FASTCGI_STDERR_BYTES,
} from "../../semconv/fastcgi.ts";
import { ATTR_ERROR_TYPE, ATTR_NETWORK_PROTOCOL_VERSION } from "../../semconv/network.ts";
import type { CapturePolicy } from "../contract.ts";
import { describeHttp } from "../http/describe.ts";
import type { FastcgiDetail } from "./types.ts";

const ROLE_RESPONDER = 1;
const roles = ["", "responder", "authorizer", "filter"];
/** Protocol statuses of END_REQUEST; 0 is a request that was served. */
const refusals = ["", "cant_multiplex", "overloaded", "unknown_role"];

export function describe(exchange: Exchange<FastcgiDetail>, policy: CapturePolicy): SpanDraft {
  const { detail } = exchange;
  const draft = describeHttp(exchange, policy);
  const refusal = refusals[detail.protocolStatus] ?? `status_${detail.protocolStatus}`;
  if (refusal === "" && detail.version !== "") {
    addOwn(draft.attributes, detail);
    return draft;
  }
  const attributes = draft.attributes.filter(([key]) => isKept(key, detail, refusal));
  if (refusal !== "") attributes.push([ATTR_ERROR_TYPE, refusal]);
  addOwn(attributes, detail);
  return { ...draft, attributes, status: refusal === "" ? draft.status : StatusCode.error };
}

function isKept(key: string, detail: FastcgiDetail, refusal: string): boolean {
  if (key === ATTR_NETWORK_PROTOCOL_VERSION) return detail.version !== "";
  return key !== ATTR_ERROR_TYPE || refusal === "";
}

function addOwn(attributes: Attribute[], detail: FastcgiDetail): void {
  if (detail.role !== ROLE_RESPONDER) {
    attributes.push([ATTR_OLLY_FASTCGI_ROLE, roles[detail.role] ?? String(detail.role)]);
  }
  if (detail.appStatus !== 0) attributes.push([ATTR_OLLY_FASTCGI_APP_STATUS, detail.appStatus]);
  if (detail.errorBytes > 0) {
    attributes.push([ATTR_OLLY_FASTCGI_STDERR_BYTES, detail.errorBytes]);
  }
}
