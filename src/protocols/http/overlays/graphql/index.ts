/**
 * GraphQL over HTTP (docs/graphql/graphql-spans.md): POST with JSON, alone or as a batch, and GET.
 * The HTTP attributes stay. Invariant: the document is never told, as it may hold literals.
 * error.type: extensions.code of the first error, else graphql_error, also behind a status of 200.
 */
import type { Attribute } from "../../../../model/attributes.ts";
import type { Side } from "../../../../model/connection.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../../../model/span.ts";
import {
  ATTR_GRAPHQL_OPERATION_NAME,
  ATTR_GRAPHQL_OPERATION_TYPE,
  ATTR_OLLY_GRAPHQL_BATCH_SIZE,
  GRAPHQL_SPAN_NAME,
} from "../../../../semconv/graphql.ts";
import { ATTR_ERROR_TYPE } from "../../../../semconv/network.ts";
import { JsonBody, jsonFormOf } from "../../json-body.ts";
import { JSON_OBJECT, type Picked, pickNodes } from "../../json-picker.ts";
import type { CallEnd, Overlay, OverlayCall, RequestHead, ResponseHead } from "../../overlay.ts";
import { pathOf, queryOf, unescapedPart } from "../../shared.ts";
import { executed, type Operation, operationsOf } from "./document.ts";

const ERROR_GRAPHQL = "graphql_error";
const CODE = /^[A-Za-z0-9_.-]{1,64}$/;
const BATCH_MAX = 1_000;

const request = ["query*", "operationName", "extensions.persistedQuery"];
const requestNodes = pickNodes([...request, "[]", ...request.map((path) => `[].${path}`)]);
const response = ["errors[]", "errors[].extensions.code"];
const responseNodes = pickNodes([...response, ...response.map((path) => `[].${path}`)]);

export const graphql: Overlay = {
  id: "graphql",
  fields: ["content-type", "content-encoding"],
  /** A POST with JSON is recognised by its body: ../json-post.ts. */
  begin(head) {
    const { method, target } = head;
    if (method !== "GET" || target === undefined) return undefined;
    if (!target.includes("query=") || !pathOf(target).endsWith("/graphql")) return undefined;
    const parameters = new Map(queryOf(target).split("&", 32).map(parameterOf));
    const call = new GraphqlCall(head);
    call.asks("query", parameters.get("query") ?? null);
    call.asks("operationName", parameters.get("operationName") ?? null);
    return call;
  },
};

function parameterOf(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  if (equals < 0) return [text, ""];
  return [text.slice(0, equals), unescapedPart(text.slice(equals + 1).replaceAll("+", " "))];
}

/** What one request of a batch says. */
interface Asked {
  operations: Operation[] | undefined;
  name: string | undefined;
  isPersisted: boolean;
}

function newAsked(): Asked {
  return { operations: undefined, name: undefined, isPersisted: false };
}

export class GraphqlCall implements OverlayCall {
  readonly overlay = graphql;
  readonly lacksFields = false;
  readonly #request: JsonBody;
  #response: JsonBody | undefined;
  readonly #asked: Asked[] = [newAsked()];
  #items = 0;
  #errors = 0;
  #code: string | undefined;

  constructor(head: RequestHead) {
    this.#request = new JsonBody({
      nodes: requestNodes,
      picked: (path, value) => this.asks(path, value),
      form: "text",
      coding: head.field("content-encoding"),
    });
  }

  asks(written: string, value: Picked): void {
    if (written === "[]") {
      if (this.#items++ > 0 && this.#asked.length < BATCH_MAX) this.#asked.push(newAsked());
      return;
    }
    const path = written.replace(/^\[\]\./, "");
    const asked = this.#asked.at(-1);
    if (asked === undefined || this.#items > BATCH_MAX) return;
    if (path === "query" && typeof value === "string") asked.operations = operationsOf(value);
    else if (path === "operationName" && typeof value === "string") asked.name = value;
    else if (path === "extensions.persistedQuery" && value === JSON_OBJECT)
      asked.isPersisted = true;
  }

  #answers(path: string, value: Picked): void {
    if (path.endsWith("errors[]")) this.#errors++;
    else if (typeof value === "string" && CODE.test(value)) this.#code ??= value;
  }

  wantsBody(side: Side): boolean {
    return (side === "request" ? this.#request : this.#response)?.isOver === false;
  }

  body(side: Side, bytes: Uint8Array, start: number, end: number): void {
    (side === "request" ? this.#request : this.#response)?.add(bytes, start, end);
  }

  missed(side: Side): void {
    (side === "request" ? this.#request : this.#response)?.miss();
  }

  answered(head: ResponseHead): void {
    if (jsonFormOf(head.field("content-type")) !== "text") return;
    this.#response = new JsonBody({
      nodes: responseNodes,
      picked: (path, value) => this.#answers(path, value),
      form: "text",
      coding: head.field("content-encoding"),
    });
  }

  describe(draft: SpanDraft, { statusCode }: CallEnd): SpanDraft {
    this.#request.finish();
    this.#response?.finish();
    const isCertain = this.#asked.every((one) => one.operations !== undefined || one.isPersisted);
    if (!isCertain) return draft;
    const told = this.#asked.map(({ operations, name }) => executed(operations ?? [], name));
    const type = same(told.map((one) => one?.type));
    const name = same(told.map((one, index) => one?.name ?? this.#asked[index]?.name));
    const attributes: Attribute[] = draft.attributes.filter(([key]) => key !== ATTR_ERROR_TYPE);
    if (type !== undefined) attributes.push([ATTR_GRAPHQL_OPERATION_TYPE, type]);
    if (name !== undefined) attributes.push([ATTR_GRAPHQL_OPERATION_NAME, name]);
    if (this.#items > 1) attributes.push([ATTR_OLLY_GRAPHQL_BATCH_SIZE, this.#items]);
    const errorType = this.#errorType(draft, statusCode);
    if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
    return {
      name: type ?? GRAPHQL_SPAN_NAME,
      kind: draft.kind,
      attributes,
      status: errorType === undefined ? StatusCode.unset : StatusCode.error,
      statusMessage: undefined,
    };
  }

  /** A 4xx is the client's error only, as in HTTP. */
  #errorType(draft: SpanDraft, statusCode: number): string | undefined {
    const http = draft.attributes.find(([key]) => key === ATTR_ERROR_TYPE)?.[1];
    const isClients = draft.kind === SpanKind.server && statusCode >= 400 && statusCode < 500;
    if (this.#errors > 0 && !isClients) return this.#code ?? ERROR_GRAPHQL;
    return typeof http === "string" ? http : undefined;
  }
}

function same<Value>(values: readonly (Value | undefined)[]): Value | undefined {
  return values.every((value) => value === values[0]) ? values[0] : undefined;
}
