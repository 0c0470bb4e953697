/**
 * Elasticsearch and OpenSearch (docs/db/elasticsearch.md): operation and index by the path, cluster
 * and node by the answer. Invariant: a call is told as such only when its path is an endpoint's and
 * the client, the server or the answer's body says who they are. Query texts are never told.
 * error.type: the HTTP status, as the conventions have it, or that of the HTTP span.
 */
import type { Attribute } from "../../../../model/attributes.ts";
import type { Side } from "../../../../model/connection.ts";
import { type SpanDraft, StatusCode } from "../../../../model/span.ts";
import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_OPERATION_PARAMETER_PREFIX,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ELASTICSEARCH_NODE_NAME,
  DB_SYSTEM_ELASTICSEARCH,
  DB_SYSTEM_OPENSEARCH,
} from "../../../../semconv/db.ts";
import { ATTR_HTTP_REQUEST_METHOD } from "../../../../semconv/http.ts";
import {
  ATTR_ERROR_TYPE,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_FULL,
} from "../../../../semconv/network.ts";
import { JsonBody } from "../../json-body.ts";
import { pickNodes } from "../../json-picker.ts";
import type { CallEnd, Overlay, OverlayCall, RequestHead, ResponseHead } from "../../overlay.ts";
import { pathOf, sharedAttributes, textAttribute } from "../../shared.ts";
import { BatchCounter } from "./batch.ts";
import { type Endpoint, endpointOf } from "./endpoints.ts";

const DEFAULT_PORT = 9200;
const CLIENT_TYPE = "application/vnd.elasticsearch+";
/** Keys that an answer has, whatever the endpoint. */
const answerNodes = pickNodes(["_shards", "_index", "cluster_name", "error.root_cause"]);

export const elasticsearch: Overlay = {
  id: "elasticsearch",
  fields: [
    ...["content-type", "content-encoding", "accept", "user-agent", "x-elastic-client-meta"],
    ...["x-elastic-product", "x-found-handling-cluster", "x-found-handling-instance"],
  ],
  begin(head) {
    const { method, target } = head;
    if (method === undefined || target === undefined) return undefined;
    const hasPart = target.includes("/_");
    if (!hasPart && !isClient(head)) return undefined;
    const endpoint = endpointOf(method, pathOf(target));
    return endpoint === undefined ? undefined : new ElasticsearchCall(head, endpoint);
  },
};

/** A client library by its name; undefined = it does not say. */
function clientOf(head: RequestHead): string | undefined {
  const agent = head.field("user-agent");
  if (agent === undefined || !mayName(agent.charCodeAt(0))) return undefined;
  const name = agent.slice(0, DB_SYSTEM_ELASTICSEARCH.length).toLowerCase();
  if (name.startsWith(DB_SYSTEM_OPENSEARCH)) return DB_SYSTEM_OPENSEARCH;
  return name === DB_SYSTEM_ELASTICSEARCH ? DB_SYSTEM_ELASTICSEARCH : undefined;
}

/** Whether a name begins with e or o, of either case. */
function mayName(code: number): boolean {
  const lower = code | 0x20;
  return lower === 101 || lower === 111;
}

function isClient(head: RequestHead): boolean {
  if (clientOf(head) !== undefined) return true;
  return head.field("content-type")?.startsWith(CLIENT_TYPE) === true;
}

class ElasticsearchCall implements OverlayCall {
  readonly overlay = elasticsearch;
  readonly lacksFields = false;
  readonly #endpoint: Endpoint;
  readonly #batch: BatchCounter | undefined;
  readonly #request: JsonBody | undefined;
  #response: JsonBody | undefined;
  #system: string | undefined;
  #cluster: string | undefined;
  #node: string | undefined;

  constructor(head: RequestHead, endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#system = clientOf(head);
    const isElastic = [head.field("content-type"), head.field("accept")].some((type) =>
      type?.startsWith(CLIENT_TYPE),
    );
    if (this.#system === undefined && (isElastic || head.field("x-elastic-client-meta"))) {
      this.#system = DB_SYSTEM_ELASTICSEARCH;
    }
    const { operation } = endpoint;
    if (operation !== "bulk" && operation !== "msearch") return;
    this.#batch = new BatchCounter(operation);
    this.#request = this.#batch.bodyOf(head.field("content-encoding"));
  }

  wantsBody(side: Side): boolean {
    if (side === "request") return this.#request !== undefined;
    return this.#response?.isOver === false && this.#system === undefined;
  }

  body(side: Side, bytes: Uint8Array, start: number, end: number): void {
    (side === "request" ? this.#request : this.#response)?.add(bytes, start, end);
  }

  missed(side: Side): void {
    (side === "request" ? this.#request : this.#response)?.miss();
  }

  answered(head: ResponseHead): void {
    this.#cluster = head.field("x-found-handling-cluster");
    this.#node = head.field("x-found-handling-instance");
    if (head.field("x-elastic-product") !== undefined) this.#system ??= DB_SYSTEM_ELASTICSEARCH;
    if (this.#system !== undefined) return;
    const picked = () => {
      // Elasticsearch names itself in every answer since 7.14; these keys are of both.
      this.#system ??= DB_SYSTEM_ELASTICSEARCH;
    };
    const coding = head.field("content-encoding");
    this.#response = new JsonBody({ nodes: answerNodes, picked, form: "text", coding });
  }

  describe(draft: SpanDraft, { statusCode }: CallEnd): SpanDraft {
    this.#request?.finish();
    this.#response?.finish();
    if (this.#system === undefined) return draft;
    const { parameters } = this.#endpoint;
    const operation = this.#batch?.operation(this.#request) ?? this.#endpoint.operation;
    const size = this.#batch?.size(this.#request);
    const index = parameters.find(([name]) => name === "index")?.[1];
    const errorType =
      statusCode >= 400 ? String(statusCode) : textAttribute(draft, ATTR_ERROR_TYPE);
    const attributes: Attribute[] = [
      [ATTR_DB_SYSTEM_NAME, this.#system],
      [ATTR_DB_OPERATION_NAME, operation],
    ];
    if (index !== undefined) attributes.push([ATTR_DB_COLLECTION_NAME, index]);
    for (const [name, value] of parameters) {
      attributes.push([ATTR_DB_OPERATION_PARAMETER_PREFIX + name, value]);
    }
    if (this.#cluster !== undefined) attributes.push([ATTR_DB_NAMESPACE, this.#cluster]);
    if (this.#node !== undefined) attributes.push([ATTR_ELASTICSEARCH_NODE_NAME, this.#node]);
    if (size !== undefined) attributes.push([ATTR_DB_OPERATION_BATCH_SIZE, size]);
    if (statusCode > 0) attributes.push([ATTR_DB_RESPONSE_STATUS_CODE, String(statusCode)]);
    if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
    const shared = sharedAttributes(draft, ATTR_HTTP_REQUEST_METHOD, ATTR_URL_FULL).filter(
      ([name, value]) => name !== ATTR_SERVER_PORT || value !== DEFAULT_PORT,
    );
    return {
      name: `${operation} ${index ?? this.#cluster ?? serverOf(draft)}`.trimEnd(),
      kind: draft.kind,
      attributes: [...attributes, ...shared],
      status: errorType === undefined ? StatusCode.unset : StatusCode.error,
      statusMessage: undefined,
    };
  }
}

/** "address:port", the last of the targets that a span is named by (docs/db/database-spans.md). */
function serverOf({ attributes }: SpanDraft): string {
  const address = attributes.find(([name]) => name === ATTR_SERVER_ADDRESS)?.[1];
  const port = attributes.find(([name]) => name === ATTR_SERVER_PORT)?.[1];
  if (address === undefined) return "";
  return port === undefined ? String(address) : `${address}:${port}`;
}
