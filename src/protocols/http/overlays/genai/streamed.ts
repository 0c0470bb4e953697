/**
 * A streamed answer, put together as the API would have answered without a stream. Invariant: texts
 * are kept to a maximum, and so are the choices and blocks that they belong to.
 */
import { type Json, listOf, recordOf, textIn } from "./messages.ts";

const CHARACTERS_MAX = 64 * 1024;
const SLOTS_MAX = 64;

interface Call {
  id: string | undefined;
  name: string;
  arguments: string;
}

/** A choice (OpenAI), a block (Anthropic), or the one message (Ollama). */
interface Slot {
  text: string;
  thought: string;
  reason: string | undefined;
  /** Anthropic: what the block began as. */
  begun: Json | undefined;
  readonly calls: Map<number, Call>;
}

type Kind = "choices" | "items" | "blocks" | "message";

export class StreamedAnswer {
  #kind: Kind | undefined;
  readonly #slots = new Map<number, Slot>();
  #items: unknown[] = [];
  #reason: string | undefined;
  #characters = 0;
  #isCut = false;

  get isCut(): boolean {
    return this.#isCut;
  }

  /** One event's JSON. */
  add(value: unknown): void {
    const event = recordOf(value);
    const type = textIn(event["type"]) ?? "";
    if (Array.isArray(event["choices"])) {
      this.#kind = "choices";
      for (const choice of event["choices"]) this.#choice(recordOf(choice));
    } else if (type.startsWith("response.")) this.#item(type, event);
    else if (type !== "") this.#block(type, event);
    else this.#line(event);
  }

  /** undefined = nothing was said. */
  body(): Json | undefined {
    if (this.#kind === "items") {
      return this.#items.length === 0 ? undefined : { output: this.#items, status: this.#reason };
    }
    const slots = [...this.#slots.entries()].sort(([one], [other]) => one - other);
    const messages = slots.map(([, slot]) => slot);
    if (this.#kind === "choices") return { choices: messages.map(choiceOf) };
    if (this.#kind === "blocks") {
      return { role: "assistant", content: messages.map(blockOf), stop_reason: this.#reason };
    }
    const [only] = messages;
    return only === undefined ? undefined : { ...choiceOf(only), done_reason: this.#reason };
  }

  #slot(index: unknown): Slot | undefined {
    const key = typeof index === "number" ? index : 0;
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    if (this.#slots.size >= SLOTS_MAX) {
      this.#isCut = true;
      return undefined;
    }
    const slot: Slot = {
      ...{ text: "", thought: "", reason: undefined, begun: undefined },
      calls: new Map(),
    };
    this.#slots.set(key, slot);
    return slot;
  }

  #taken(value: unknown): string {
    const text = textIn(value) ?? "";
    const room = CHARACTERS_MAX - this.#characters;
    if (text.length > room) this.#isCut = true;
    this.#characters += Math.min(text.length, room);
    return text.length > room ? text.slice(0, room) : text;
  }

  #choice(choice: Json): void {
    const slot = this.#slot(choice["index"]);
    if (slot === undefined) return;
    const delta = recordOf(choice["delta"]);
    slot.text += this.#taken(delta["content"] ?? choice["text"]);
    slot.thought += this.#taken(delta["reasoning_content"]);
    slot.reason = textIn(choice["finish_reason"]) ?? slot.reason;
    for (const call of listOf(delta["tool_calls"])) this.#call(slot, recordOf(call));
  }

  #call(slot: Slot, call: Json): void {
    const key = typeof call["index"] === "number" ? call["index"] : slot.calls.size;
    const given = recordOf(call["function"]);
    const known = slot.calls.get(key);
    if (known === undefined && slot.calls.size >= SLOTS_MAX) {
      this.#isCut = true;
      return;
    }
    const made = known ?? { id: undefined, name: "", arguments: "" };
    if (typeof call["id"] === "string") made.id = this.#taken(call["id"]);
    made.name += this.#taken(given["name"]);
    const written = given["arguments"];
    made.arguments += this.#taken(
      typeof written === "object" && written !== null ? JSON.stringify(written) : written,
    );
    slot.calls.set(key, made);
  }

  /** OpenAI's responses: whole items, and at the end all of them again. */
  #item(type: string, event: Json): void {
    this.#kind = "items";
    if (type === "response.output_item.done") this.#keepItems([event["item"]]);
    const response = recordOf(event["response"]);
    const incomplete = textIn(recordOf(response["incomplete_details"])["reason"]);
    this.#reason = incomplete ?? textIn(response["status"]) ?? this.#reason;
    const items = listOf(response["output"]);
    if (items.length === 0) return;
    this.#items = [];
    this.#characters = 0;
    this.#keepItems(items);
  }

  #keepItems(items: readonly unknown[]): void {
    for (const item of items) {
      const size = JSON.stringify(item)?.length ?? 0;
      const fits = this.#characters + size <= CHARACTERS_MAX && this.#items.length < SLOTS_MAX;
      if (fits) this.#items.push(item);
      else this.#isCut = true;
      if (fits) this.#characters += size;
    }
  }

  /** Anthropic: blocks that begin, grow and end. */
  #block(type: string, event: Json): void {
    this.#kind = "blocks";
    const delta = recordOf(event["delta"]);
    if (type === "message_delta") this.#reason = textIn(delta["stop_reason"]) ?? this.#reason;
    if (type !== "content_block_start" && type !== "content_block_delta") return;
    const slot = this.#slot(event["index"]);
    if (slot === undefined) return;
    const begun = recordOf(event["content_block"]);
    if (type === "content_block_start") {
      slot.begun = { type: begun["type"], id: begun["id"], name: begun["name"] };
    }
    const text = textIn(begun["text"]) ?? delta["text"] ?? delta["partial_json"];
    slot.text += this.#taken(text);
    slot.thought += this.#taken(delta["thinking"]);
  }

  /** Ollama: a line for each piece. */
  #line(event: Json): void {
    this.#kind ??= "message";
    const slot = this.#slot(0);
    if (slot === undefined) return;
    const message = recordOf(event["message"]);
    slot.text += this.#taken(message["content"] ?? event["response"]);
    slot.thought += this.#taken(message["thinking"]);
    for (const call of listOf(message["tool_calls"])) this.#call(slot, recordOf(call));
    this.#reason = textIn(event["done_reason"]) ?? this.#reason;
  }
}

function choiceOf({ text, thought, reason, calls }: Slot): Json {
  const tool_calls = [...calls.values()].map((call) => ({ id: call.id, function: call }));
  const message = { role: "assistant", content: text, tool_calls };
  return {
    message: thought === "" ? message : { ...message, reasoning_content: thought },
    finish_reason: reason,
  };
}

function blockOf({ text, thought, begun }: Slot): Json {
  const type = textIn(begun?.["type"]);
  if (type === "tool_use") return { ...begun, input: text };
  return type === "thinking" ? { type, thinking: thought } : { type: type ?? "text", text };
}
