/**
 * The APIs that are read, by the path of a request. Invariant: a path alone decides nothing; the
 * request's body, or a field that only this API has, must agree.
 */
import type { RequestHead } from "../../overlay.ts";
import { pathOf } from "../../shared.ts";

/** openai: also what others have made like it. */
export type Family = "openai" | "anthropic" | "ollama";

export interface Api {
  readonly family: Family;
  readonly operation: "chat" | "text_completion" | "embeddings";
  /** openai.api.type */
  readonly type?: "chat_completions" | "responses";
}

const chat = "chat";
const text = "text_completion";
const embeddings = "embeddings";

const OPENAI: Readonly<Record<string, Api>> = {
  "chat/completions": { family: "openai", operation: chat, type: "chat_completions" },
  completions: { family: "openai", operation: text },
  responses: { family: "openai", operation: chat, type: "responses" },
  embeddings: { family: "openai", operation: embeddings },
};
const OLLAMA: Readonly<Record<string, Api>> = {
  chat: { family: "ollama", operation: chat },
  generate: { family: "ollama", operation: text },
  embed: { family: "ollama", operation: embeddings },
  embeddings: { family: "ollama", operation: embeddings },
};
const ANTHROPIC: Api = { family: "anthropic", operation: chat };

/** "/v1/chat/completions", "/openai/deployments/NAME/embeddings", "/api/v3/chat/completions" */
const OPENAI_CHAT = "chat/completions";
const OPENAI_PATH = /(?:\/v\d+|\/openai)(?:\/.*)?\/([a-z]+)$/;
const OLLAMA_PATH = /\/api\/([a-z]+)$/;

/** The last segments of all these paths: nearly every other path is settled by them. */
const LAST: ReadonlySet<string> = new Set([
  ...["completions", "responses", "embeddings", "messages", "chat", "generate", "embed"],
]);

export function apiOf(head: RequestHead): Api | undefined {
  const { method, target } = head;
  if (method !== "POST" || target === undefined) return undefined;
  const path = pathOf(target);
  if (!LAST.has(path.slice(path.lastIndexOf("/") + 1))) return undefined;
  if (path.endsWith("/v1/messages")) {
    return head.field("anthropic-version") === undefined ? undefined : ANTHROPIC;
  }
  if (path.endsWith(`/${OPENAI_CHAT}`)) return OPENAI[OPENAI_CHAT];
  const openai = OPENAI_PATH.exec(path);
  if (openai !== null) return own(OPENAI, openai[1]);
  const ollama = OLLAMA_PATH.exec(path);
  return ollama === null ? undefined : own(OLLAMA, ollama[1]);
}

function own(apis: Readonly<Record<string, Api>>, name = ""): Api | undefined {
  return Object.hasOwn(apis, name) ? apis[name] : undefined;
}

/** Who is behind an API that several speak, by the name of its host. */
const PROVIDERS: readonly (readonly [suffix: string, provider: string])[] = [
  [".openai.azure.com", "azure.ai.openai"],
  [".services.ai.azure.com", "azure.ai.inference"],
  [".models.ai.azure.com", "azure.ai.inference"],
  ["api.groq.com", "groq"],
  ["api.deepseek.com", "deepseek"],
  ["api.mistral.ai", "mistral_ai"],
  ["api.perplexity.ai", "perplexity"],
  ["api.x.ai", "x_ai"],
  ["api.cohere.ai", "cohere"],
  ["api.cohere.com", "cohere"],
  ["generativelanguage.googleapis.com", "gcp.gemini"],
  ["aiplatform.googleapis.com", "gcp.vertex_ai"],
];

/** gen_ai.provider.name: of an unknown host, the maker of the API's format. */
export function providerOf(family: Family, host: string | undefined): string {
  const name = host?.replace(/:\d+$/, "").toLowerCase() ?? "";
  for (const [suffix, provider] of PROVIDERS) if (name.endsWith(suffix)) return provider;
  return family;
}
