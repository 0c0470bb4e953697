/**
 * Requests and answers of the APIs as messages of the GenAI conventions (1.41.1: the JSON schemas
 * of gen_ai.input.messages, gen_ai.output.messages and gen_ai.system_instructions). Invariant:
 * texts are cut when the budget is used up; images, sounds and files are told by their type alone.
 */

export interface Part {
  readonly type: string;
  readonly content?: string | undefined;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly arguments?: unknown;
  readonly response?: unknown;
}

export interface Message {
  readonly role: string;
  readonly parts: readonly Part[];
  readonly finish_reason?: string | undefined;
}

export type Json = Readonly<Record<string, unknown>>;

/** Characters that a message or a part takes besides its texts. */
const ITEM_CHARACTERS = 32;
const ASSISTANT = "assistant";

/** How many characters may still be told. */
export class Budget {
  #left: number;
  #isCut = false;

  constructor(characters: number) {
    this.#left = characters;
  }

  /** Something was cut, or left out. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Room for one more message or part. */
  takeItem(): boolean {
    if (this.#left < ITEM_CHARACTERS) {
      this.#isCut = true;
      return false;
    }
    this.#left -= ITEM_CHARACTERS;
    return true;
  }

  text(text: string): string {
    if (text.length > this.#left) this.#isCut = true;
    // No half of a surrogate pair.
    const taken = text.length > this.#left ? text.slice(0, this.#left).toWellFormed() : text;
    this.#left -= taken.length;
    return taken;
  }

  /** Any JSON, whole or not at all. */
  value(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    const length = JSON.stringify(value)?.length ?? 0;
    if (length > this.#left) {
      this.#isCut = true;
      return undefined;
    }
    this.#left -= length;
    return value;
  }
}

export function recordOf(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** What a request says to the model: messages, input or prompt. */
export function inputOf(body: Json, budget: Budget): Message[] {
  const said = body["messages"] ?? body["input"] ?? body["prompt"];
  const items = typeof said === "string" ? [said] : listOf(said);
  return items.flatMap((item) => messageOf(item, "user", budget) ?? []);
}

/** What stands apart from the messages: instructions (OpenAI), system (Anthropic, Ollama). */
export function systemOf(body: Json, budget: Budget): Part[] {
  return partsOf(body["instructions"] ?? body["system"], budget);
}

/** What an answer says, whichever API's it is. */
export function outputOf(body: Json, budget: Budget): Message[] {
  if (body["error"] !== undefined && body["error"] !== null) return [];
  if (body["choices"] !== undefined) return choicesOf(body, budget);
  if (body["output"] !== undefined) return itemsOf(body, budget);
  const reason = textIn(body["stop_reason"]) ?? textIn(body["done_reason"]);
  const answer = body["response"] ?? body["message"] ?? body;
  return finished(messageOf(answer, ASSISTANT, budget), reason);
}

function choicesOf(body: Json, budget: Budget): Message[] {
  return listOf(body["choices"]).flatMap((item) => {
    const choice = recordOf(item);
    const message = messageOf(choice["message"] ?? choice["text"], ASSISTANT, budget);
    return finished(message, textIn(choice["finish_reason"]));
  });
}

/** OpenAI's responses: one message of all items. */
function itemsOf(body: Json, budget: Budget): Message[] {
  const parts = listOf(body["output"]).flatMap(
    (item) => messageOf(item, ASSISTANT, budget)?.parts ?? [],
  );
  const incomplete = textIn(recordOf(body["incomplete_details"])["reason"]);
  return finished({ role: ASSISTANT, parts }, incomplete ?? textIn(body["status"]));
}

function finished(message: Message | undefined, reason: string | undefined): Message[] {
  if (message === undefined || message.parts.length === 0) return [];
  return [reason === undefined ? message : { ...message, finish_reason: reason }];
}

function messageOf(item: unknown, role: string, budget: Budget): Message | undefined {
  const isMessage = typeof item === "string" || (typeof item === "object" && item !== null);
  if (!isMessage || !budget.takeItem()) return undefined;
  if (typeof item === "string") return { role, parts: partsOf(item, budget) };
  const said = recordOf(item);
  const own = textIn(said["role"]) ?? role;
  if (own === "tool") {
    const id = textIn(said["tool_call_id"]);
    return { role: own, parts: [responsePart(id, said["content"], budget)] };
  }
  if (said["role"] === undefined && said["type"] !== undefined) {
    const part = partOf(said, budget);
    return { role: part.type === "tool_call_response" ? "tool" : ASSISTANT, parts: [part] };
  }
  const thought = textIn(said["reasoning_content"]) ?? textIn(said["thinking"]);
  return {
    role: own,
    parts: [
      ...(thought === undefined ? [] : [{ type: "reasoning", content: budget.text(thought) }]),
      ...partsOf(said["content"], budget),
      ...listOf(said["tool_calls"]).flatMap((call) => calledPart(recordOf(call), budget)),
    ],
  };
}

function partsOf(content: unknown, budget: Budget): Part[] {
  const items = typeof content === "string" ? [content] : listOf(content);
  return items.flatMap((item) => {
    if (item === "" || !budget.takeItem()) return [];
    if (typeof item === "string") return [{ type: "text", content: budget.text(item) }];
    return [partOf(recordOf(item), budget)];
  });
}

/** Types of OpenAI's chat and responses, and of Anthropic's messages. */
function partOf(item: Json, budget: Budget): Part {
  const type = textIn(item["type"]) ?? "unknown";
  const id = textIn(item["id"]);
  switch (type) {
    case "text":
    case "input_text":
    case "output_text":
      return { type: "text", content: budget.text(textIn(item["text"]) ?? "") };
    case "message":
      return { type: "text", content: budget.text(textsOf(item["content"])) };
    case "thinking":
      return { type: "reasoning", content: budget.text(textIn(item["thinking"]) ?? "") };
    case "reasoning":
      return { type: "reasoning", content: budget.text(textsOf(item["summary"])) };
    case "tool_use":
      return callPart(id, item["name"], item["input"], budget);
    case "function_call":
      return callPart(textIn(item["call_id"]) ?? id, item["name"], item["arguments"], budget);
    case "tool_result":
      return responsePart(textIn(item["tool_use_id"]), item["content"], budget);
    case "function_call_output":
      return responsePart(textIn(item["call_id"]), item["output"], budget);
    default:
      return { type: budget.text(type) };
  }
}

function textsOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((item) => textIn(recordOf(item)["text"]) ?? "")
    .join("");
}

/** One of a message's tool_calls. */
function calledPart(call: Json, budget: Budget): Part[] {
  if (!budget.takeItem()) return [];
  const called = recordOf(call["function"]);
  return [callPart(textIn(call["id"]), called["name"], called["arguments"], budget)];
}

function callPart(id: string | undefined, name: unknown, given: unknown, budget: Budget): Part {
  return {
    type: "tool_call",
    ...(id === undefined ? {} : { id: budget.text(id) }),
    name: budget.text(textIn(name) ?? ""),
    arguments: budget.value(given ?? null),
  };
}

function responsePart(id: string | undefined, response: unknown, budget: Budget): Part {
  const told = budget.value(response ?? null);
  const type = "tool_call_response";
  return id === undefined
    ? { type, response: told }
    : { type, id: budget.text(id), response: told };
}
