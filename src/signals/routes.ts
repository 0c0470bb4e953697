/**
 * Names of HTTP spans by the route of their request (semantic conventions 1.44.0,
 * docs/http/http-spans.md): `{method} {route}` instead of `{method}`. What the configuration says
 * is http.route, of a client url.template. What was learnt is no framework's route, and is told by
 * a name of our own. A span that has a name of its own keeps it.
 */
import { matchesGlob } from "../lib/glob.ts";
import { limits } from "../limits.ts";
import type { Attribute, AttributeValue } from "../model/attributes.ts";
import type { RouteSettings } from "../model/route.ts";
import { type SpanDraft, SpanKind } from "../model/span.ts";
import {
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  HTTP_METHOD_OTHER,
  HTTP_SPAN_NAME_OTHER,
} from "../semconv/http.ts";
import {
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_FULL,
  ATTR_URL_PATH,
  ATTR_URL_TEMPLATE,
} from "../semconv/network.ts";
import { ATTR_OLLY_HTTP_ROUTE_LEARNT } from "../semconv/olly.ts";
import { type PathSegments, segmentsOf } from "./path-segments.ts";
import { RouteLearner, type RouteMemory } from "./route-learner.ts";
import { TemplateTree } from "./route-templates.ts";

/**
 * Answers that a server also gives to paths it has nothing at: a scanner must not fill the limits.
 * Unanswered requests (0) say nothing either.
 */
const REFUSALS: ReadonlySet<number> = new Set([
  0, 400, 401, 403, 404, 405, 410, 414, 421, 426, 429, 431, 501, 505,
]);

/** What is known of one service, or of one server that a service calls. */
interface Scope {
  readonly templates: TemplateTree | undefined;
  readonly learner: RouteLearner;
  /** Number of the last request. */
  used: number;
}

interface Request {
  readonly path: string;
  readonly status: number;
  /** Of a client: whom it asked; of a server "". */
  readonly server: string;
}

export class Routes {
  readonly #settings: RouteSettings;
  readonly #scopes = new Map<string, Scope>();
  /** By the numbers of the templates in it. */
  readonly #trees = new Map<string, TemplateTree>();
  readonly #memory: RouteMemory = { nodes: 0 };
  #requests = 0;

  constructor(settings: RouteSettings) {
    this.#settings = settings;
  }

  /** Nodes of what was learnt. */
  get nodes(): number {
    return this.#memory.nodes;
  }

  /** The draft as it is told of a process of `service`. */
  named(draft: SpanDraft, service: string): SpanDraft {
    const isServer = draft.kind === SpanKind.server;
    if (!isServer && !(this.#settings.clients && draft.kind === SpanKind.client)) return draft;
    const request = requestOf(draft);
    if (request === undefined) return draft;
    const scope = this.#scopeOf(service, request.server);
    const path = segmentsOf(request.path);
    const configured = scope.templates?.find(path);
    if (configured !== undefined) {
      return renamed(draft, configured, isServer ? ATTR_HTTP_ROUTE : ATTR_URL_TEMPLATE);
    }
    const learnt = this.#learn(scope, path, request.status);
    return learnt === undefined ? draft : renamed(draft, learnt, ATTR_OLLY_HTTP_ROUTE_LEARNT);
  }

  #learn(scope: Scope, path: PathSegments, status: number): string | undefined {
    if (!this.#settings.learn) return undefined;
    return scope.learner.route(path, !REFUSALS.has(status));
  }

  #scopeOf(service: string, server: string): Scope {
    const key = server === "" ? service : `${service}\n${server}`;
    let scope = this.#scopes.get(key);
    if (scope === undefined) {
      if (this.#scopes.size >= limits.routeScopesMax) this.#forgetOldest();
      const learner = new RouteLearner(this.#memory);
      scope = { templates: this.#treeOf(service), learner, used: 0 };
      this.#scopes.set(key, scope);
    }
    scope.used = ++this.#requests;
    return scope;
  }

  #forgetOldest(): void {
    const byUse = [...this.#scopes].sort(([, one], [, other]) => one.used - other.used);
    for (const [key, { learner }] of byUse.slice(0, limits.evictedAtOnce)) {
      this.#scopes.delete(key);
      this.#memory.nodes -= learner.nodes;
    }
  }

  #treeOf(service: string): TemplateTree | undefined {
    const { templates } = this.#settings;
    const own = templates.filter(
      (template) => template.service === undefined || matchesGlob(template.service, service),
    );
    if (own.length === 0) return undefined;
    const key = own.map((template) => templates.indexOf(template)).join();
    const tree = this.#trees.get(key) ?? new TemplateTree(own);
    if (this.#trees.size < limits.routeScopesMax) this.#trees.set(key, tree);
    return tree;
  }
}

/** undefined = no HTTP request with a path, or its span has a better name. */
function requestOf({ name, attributes, kind }: SpanDraft): Request | undefined {
  let method: AttributeValue = "";
  let path: AttributeValue = "";
  let status: AttributeValue = 0;
  for (const [key, value] of attributes) {
    if (key === ATTR_HTTP_REQUEST_METHOD) method = value;
    else if (key === ATTR_URL_PATH) path = value;
    else if (key === ATTR_URL_FULL) path = pathOfUrl(String(value));
    else if (key === ATTR_HTTP_RESPONSE_STATUS_CODE) status = value;
  }
  const shown = method === HTTP_METHOD_OTHER ? HTTP_SPAN_NAME_OTHER : method;
  if (name !== shown || typeof path !== "string" || !path.startsWith("/")) return undefined;
  const server = kind === SpanKind.client ? serverOf(attributes) : "";
  return { path, status: Number(status), server };
}

/** Whom a client asked. */
function serverOf(attributes: readonly Attribute[]): string {
  let [address, port] = ["", ""];
  for (const [key, value] of attributes) {
    if (key === ATTR_SERVER_ADDRESS) address = String(value);
    else if (key === ATTR_SERVER_PORT) port = String(value);
  }
  return `${address}:${port}`;
}

function pathOfUrl(url: string): string {
  const mark = url.indexOf("?");
  const end = mark < 0 ? url.length : mark;
  const authority = url.indexOf("://");
  const begin = authority < 0 ? 0 : url.indexOf("/", authority + 3);
  return begin < 0 ? "" : url.slice(begin, end);
}

function renamed(draft: SpanDraft, route: string, attribute: string): SpanDraft {
  const { name, kind, attributes, status, statusMessage } = draft;
  attributes.push([attribute, route]);
  return { name: `${name} ${route}`, kind, attributes, status, statusMessage };
}
