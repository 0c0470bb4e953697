/** Spans of overlays on HTTP as one line each, in the form of programs/overlay_calls.mjs. */
import type { SpanRecord } from "./otlp-file.ts";
import type { JsonExchange } from "./tshark-json.ts";

/** Name, what marks the call, what the answer says, "!" and the error. */
export function lineOfSpan({ name, attributes }: SpanRecord): string {
  const of = (key: string) => attributes[key];
  const parts: unknown[] = [name];
  if (of("gen_ai.operation.name") !== undefined) {
    parts.push(of("gen_ai.response.id"), of("gen_ai.usage.input_tokens"));
  }
  parts.push(of("aws.s3.key"), of("graphql.operation.name"), of("jsonrpc.request.id"));
  const asked = of("olly.rpc.request.messages");
  if (asked !== undefined) parts.push(`${asked}>${of("olly.rpc.response.messages")}`);
  const error = of("error.type");
  if (error !== undefined) parts.push(`!${error}`);
  return parts.filter((part) => part !== undefined).join(" ");
}

/** The same of what tshark has decoded: models, GraphQL and JSON-RPC. */
export function lineOfPackets({ asked, answered, events }: JsonExchange): string {
  const method = asked.get("/method");
  if (method !== undefined) return `${method} ${asked.get("/id")} !${answered.get("/error/code")}`;
  const operation = asked.get("/operationName");
  if (operation !== undefined) {
    return `query ${operation} !${answered.get("/errors/[]/extensions/code")}`;
  }
  const model = asked.get("/model");
  const told = /"prompt_tokens": ?(\d+)/.exec(events)?.[1];
  const tokens = answered.get("/usage/prompt_tokens") ?? told;
  if (asked.has("/input")) return `embeddings ${model} ${tokens}`;
  const id = answered.get("/id") ?? /"id": ?"([^"]+)"/.exec(events)?.[1];
  return `chat ${model} ${id} ${tokens}`;
}
