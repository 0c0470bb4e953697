/**
 * The endpoints of Elasticsearch and OpenSearch, as their specifications name them. Invariant: a
 * path that is none of these has no operation; a parameter never stands for a part that begins with
 * "_", but for "_all".
 */
import { unescapedPart } from "../../shared.ts";

export interface Endpoint {
  readonly operation: string;
  /** The path's parameters: index, id, name, ... */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/** "METHODS path operation"; a part in braces is a parameter. */
const ENDPOINTS = `
GET / info
HEAD / ping
GET,POST /_search search
GET,POST /{index}/_search search
GET,POST /_msearch msearch
GET,POST /{index}/_msearch msearch
GET,POST /_search/template search_template
GET,POST /{index}/_search/template search_template
GET,POST /_msearch/template msearch_template
GET,POST /{index}/_msearch/template msearch_template
GET,POST /_search/scroll scroll
DELETE /_search/scroll clear_scroll
GET,POST /{index}/_search_shards search_shards
POST /{index}/_pit open_point_in_time
DELETE /_pit close_point_in_time
POST,PUT /_bulk bulk
POST,PUT /{index}/_bulk bulk
POST /{index}/_doc index
POST,PUT /{index}/_doc/{id} index
GET /{index}/_doc/{id} get
HEAD /{index}/_doc/{id} exists
DELETE /{index}/_doc/{id} delete
POST,PUT /{index}/_create/{id} create
POST /{index}/_update/{id} update
GET /{index}/_source/{id} get_source
HEAD /{index}/_source/{id} exists_source
GET,POST /_mget mget
GET,POST /{index}/_mget mget
GET,POST /_count count
GET,POST /{index}/_count count
GET,POST /{index}/_explain/{id} explain
GET,POST /{index}/_termvectors termvectors
GET,POST /{index}/_termvectors/{id} termvectors
GET,POST /{index}/_mtermvectors mtermvectors
POST /{index}/_terms_enum terms_enum
POST /{index}/_update_by_query update_by_query
POST /{index}/_delete_by_query delete_by_query
POST /_reindex reindex
GET,POST /_field_caps field_caps
GET,POST /{index}/_field_caps field_caps
GET,POST /{index}/_rank_eval rank_eval
GET /_scripts/{id} get_script
PUT,POST /_scripts/{id} put_script
DELETE /_scripts/{id} delete_script
POST /_async_search async_search.submit
POST /{index}/_async_search async_search.submit
GET /_async_search/{id} async_search.get
DELETE /_async_search/{id} async_search.delete
GET,POST /{index}/_eql/search eql.search
POST,GET /_sql sql.query
POST /_query esql.query
PUT /{index} indices.create
GET /{index} indices.get
HEAD /{index} indices.exists
DELETE /{index} indices.delete
GET,POST /_analyze indices.analyze
GET,POST /{index}/_analyze indices.analyze
GET,POST /_refresh indices.refresh
GET,POST /{index}/_refresh indices.refresh
GET,POST /_flush indices.flush
GET,POST /{index}/_flush indices.flush
POST /_forcemerge indices.forcemerge
POST /{index}/_forcemerge indices.forcemerge
POST /{index}/_cache/clear indices.clear_cache
POST /{index}/_open indices.open
POST /{index}/_close indices.close
GET /_mapping indices.get_mapping
GET /{index}/_mapping indices.get_mapping
PUT,POST /{index}/_mapping indices.put_mapping
GET /_settings indices.get_settings
GET /{index}/_settings indices.get_settings
PUT /{index}/_settings indices.put_settings
GET /_stats indices.stats
GET /{index}/_stats indices.stats
GET,POST /{index}/_validate/query indices.validate_query
GET /_alias indices.get_alias
GET /_alias/{name} indices.get_alias
GET /{index}/_alias indices.get_alias
GET /{index}/_alias/{name} indices.get_alias
HEAD /_alias/{name} indices.exists_alias
HEAD /{index}/_alias/{name} indices.exists_alias
PUT,POST /{index}/_alias/{name} indices.put_alias
DELETE /{index}/_alias/{name} indices.delete_alias
POST /_aliases indices.update_aliases
POST /{alias}/_rollover indices.rollover
PUT,POST /{index}/_shrink/{target} indices.shrink
PUT,POST /{index}/_split/{target} indices.split
PUT,POST /{index}/_clone/{target} indices.clone
GET /_index_template indices.get_index_template
GET /_index_template/{name} indices.get_index_template
HEAD /_index_template/{name} indices.exists_index_template
PUT,POST /_index_template/{name} indices.put_index_template
DELETE /_index_template/{name} indices.delete_index_template
GET /_template/{name} indices.get_template
PUT,POST /_template/{name} indices.put_template
DELETE /_template/{name} indices.delete_template
GET /_component_template/{name} cluster.get_component_template
PUT,POST /_component_template/{name} cluster.put_component_template
DELETE /_component_template/{name} cluster.delete_component_template
PUT /_data_stream/{name} indices.create_data_stream
GET /_data_stream indices.get_data_stream
GET /_data_stream/{name} indices.get_data_stream
DELETE /_data_stream/{name} indices.delete_data_stream
GET /_resolve/index/{name} indices.resolve_index
GET /_cluster/health cluster.health
GET /_cluster/health/{index} cluster.health
GET /_cluster/state cluster.state
GET /_cluster/state/{metric} cluster.state
GET /_cluster/state/{metric}/{index} cluster.state
GET /_cluster/stats cluster.stats
GET /_cluster/settings cluster.get_settings
PUT /_cluster/settings cluster.put_settings
GET /_cluster/pending_tasks cluster.pending_tasks
POST /_cluster/reroute cluster.reroute
GET /_nodes nodes.info
GET /_nodes/{node_id} nodes.info
GET /_nodes/stats nodes.stats
GET /_nodes/{node_id}/stats nodes.stats
GET /_nodes/hot_threads nodes.hot_threads
GET /_nodes/http nodes.info
GET /_tasks tasks.list
GET /_tasks/{task_id} tasks.get
POST /_tasks/{task_id}/_cancel tasks.cancel
GET /_ingest/pipeline ingest.get_pipeline
GET /_ingest/pipeline/{id} ingest.get_pipeline
PUT /_ingest/pipeline/{id} ingest.put_pipeline
DELETE /_ingest/pipeline/{id} ingest.delete_pipeline
GET,POST /_ingest/pipeline/_simulate ingest.simulate
GET /_snapshot snapshot.get_repository
GET /_snapshot/{repository} snapshot.get_repository
PUT,POST /_snapshot/{repository} snapshot.create_repository
DELETE /_snapshot/{repository} snapshot.delete_repository
GET /_snapshot/{repository}/{snapshot} snapshot.get
PUT,POST /_snapshot/{repository}/{snapshot} snapshot.create
DELETE /_snapshot/{repository}/{snapshot} snapshot.delete
POST /_snapshot/{repository}/{snapshot}/_restore snapshot.restore
`;
/** /_cat/THEM and, behind it, a parameter where there is one. */
const CAT: Readonly<Record<string, string>> = {
  aliases: "name",
  allocation: "node_id",
  count: "index",
  fielddata: "fields",
  health: "",
  indices: "index",
  master: "",
  nodeattrs: "",
  nodes: "",
  pending_tasks: "",
  plugins: "",
  recovery: "index",
  repositories: "",
  segments: "index",
  shards: "index",
  snapshots: "repository",
  tasks: "",
  templates: "name",
  thread_pool: "thread_pool_patterns",
};
const PARTS_MAX = 6;

interface Node {
  readonly parts: Map<string, Node>;
  /** Parameters by their names: one path may have several, for different methods. */
  parameter: Node | undefined;
  readonly operations: Map<string, { readonly operation: string; readonly names: string[] }>;
}

function newNode(): Node {
  return { parts: new Map(), parameter: undefined, operations: new Map() };
}

const root = newNode();
for (const line of ENDPOINTS.trim().split("\n")) {
  const [methods = "", path = "", operation = ""] = line.split(" ");
  define(methods, path, operation);
}
define("GET", "/_cat", "cat.help");
for (const [name, parameter] of Object.entries(CAT)) {
  define("GET", `/_cat/${name}`, `cat.${name}`);
  if (parameter !== "") define("GET", `/_cat/${name}/{${parameter}}`, `cat.${name}`);
}

function define(methods: string, path: string, operation: string): void {
  let node = root;
  const names: string[] = [];
  for (const part of path.split("/").filter((one) => one !== "")) {
    if (part.startsWith("{")) {
      names.push(part.slice(1, -1));
      node.parameter ??= newNode();
      node = node.parameter;
    } else {
      const next = node.parts.get(part) ?? newNode();
      node.parts.set(part, next);
      node = next;
    }
  }
  for (const method of methods.split(",")) node.operations.set(method, { operation, names });
}

/** The endpoint of a request; `path` has no query. */
export function endpointOf(method: string, path: string): Endpoint | undefined {
  const parts = path.split("/", PARTS_MAX + 1).filter((part) => part !== "");
  if (parts.length >= PARTS_MAX) return undefined;
  const values: string[] = [];
  let node: Node | undefined = root;
  for (const part of parts) {
    const literal: Node | undefined = node.parts.get(part);
    if (literal === undefined && (!part.startsWith("_") || part === "_all")) {
      values.push(unescapedPart(part));
    }
    node = literal ?? (part.startsWith("_") && part !== "_all" ? undefined : node.parameter);
    if (node === undefined) return undefined;
  }
  const found = node.operations.get(method);
  if (found === undefined) return undefined;
  const parameters = found.names.map((name, index) => [name, values[index] ?? ""] as const);
  return { operation: found.operation, parameters };
}
