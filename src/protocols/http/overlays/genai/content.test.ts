/** Content of GenAI calls: told only when the policy says so, in the conventions' form, bounded. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Call, Driven, sizeOf } from "../../../../../test/harness/driven.ts";
import { readFixtureFile } from "../../../../../test/harness/fixture-file.ts";
import { asProtocol } from "../../../contract.ts";
import { http1 } from "../../../http1/index.ts";

const off = { httpKnownMethods: new Set(["POST"]) };
const on = { ...off, genAiContent: true };
const CHARACTERS_MAX = 64 * 1024;
const encoder = new TextEncoder();

type Told = Readonly<Record<string, unknown>>;

function told(calls: readonly Call[], policy: typeof off = on, size = Infinity): Told[] {
  const driven = new Driven([asProtocol(http1)], { role: "client" }, policy);
  for (const call of calls) {
    for (let at = 0; at < call.bytes.length; at += size) {
      driven.call({
        ...call,
        bytes: call.bytes.subarray(at, Math.min(call.bytes.length, at + size)),
      });
    }
  }
  driven.close();
  return driven.told.map((exchange) =>
    Object.fromEntries(http1.describe(exchange as never, policy)?.attributes ?? []),
  );
}

const json = (attributes: Told | undefined, name: string) => {
  const text = attributes?.[`gen_ai.${name}`];
  return text === undefined ? undefined : JSON.parse(String(text));
};

interface Turn {
  readonly path?: string;
  readonly asked: unknown;
  readonly answer: string | Uint8Array;
  readonly type?: string;
  readonly fields?: string;
}

function callsOf({ path = "/v1/chat/completions", asked, answer, ...rest }: Turn): Call[] {
  const { type = "application/json", fields = "" } = rest;
  const body = encoder.encode(JSON.stringify(asked));
  const content = typeof answer === "string" ? encoder.encode(answer) : answer;
  const start =
    `POST ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\n` +
    `anthropic-version: 1\r\nContent-Length: ${body.length}\r\n\r\n`;
  const head =
    `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n${fields}` +
    `Content-Length: ${content.length}\r\n\r\n`;
  return [
    { side: "request", bytes: Buffer.concat([encoder.encode(start), body]) },
    { side: "response", bytes: Buffer.concat([encoder.encode(head), content]) },
  ];
}

const events = (list: readonly unknown[]) =>
  `${list.map((one) => `event: x\ndata: ${JSON.stringify(one)}\n\n`).join("")}data: [DONE]\n\n`;
const user = (content: unknown) => ({ role: "user", content });
const said = (content: string) => ({ role: "user", parts: [{ type: "text", content }] });
const answered = (content: string, finish_reason: string) => [
  { role: "assistant", parts: [{ type: "text", content }], finish_reason },
];

describe("recorded", () => {
  const files = ["openai.md", "anthropic.md", "ollama.md"];
  test.each(files)("%s: on and off", (file) => {
    for (const fixture of readFixtureFile(join(import.meta.dir, "fixtures", file))) {
      const calls = fixture.steps.map(({ side, bytes }) => ({ side, bytes }));
      expect(JSON.stringify(told(calls, off))).not.toMatch(/secret|messages/);
      for (const size of [1, 7, Infinity]) {
        const all = told(calls, on, size);
        const chats = all.filter((one) => one["gen_ai.operation.name"] === "chat");
        for (const one of chats) {
          expect(json(one, "input.messages")).toEqual([said("a secret question")]);
          expect(one).not.toHaveProperty(["olly.gen_ai.content.truncated"]);
          const [output, ...more] = json(one, "output.messages") ?? [];
          expect(more).toEqual([]);
          if (one["error.type"] !== undefined) expect(output).toBeUndefined();
          // The recorded answers of OpenAI's responses hold no items.
          else if (one["openai.api.type"] !== "responses") {
            expect(output.role).toBe("assistant");
            expect(output.parts[0].content).toMatch(/secret|part/);
            expect([output.finish_reason]).toEqual(
              one["gen_ai.response.finish_reasons"] as string[],
            );
          }
        }
        for (const one of all.filter((each) => !chats.includes(each))) {
          expect(JSON.stringify(one)).not.toMatch(/secret|messages/);
        }
      }
    }
  });
});

describe("OpenAI", () => {
  const tool = { id: "c1", type: "function", function: { name: "weather", arguments: '{"x":1}' } };
  const call = { type: "tool_call", id: "c1", name: "weather", arguments: '{"x":1}' };

  test("tools, parts, several choices", () => {
    const messages = [
      { role: "system", content: "be brief" },
      user([
        { type: "text", text: "what" },
        { type: "image_url", image_url: { url: "x" } },
      ]),
      { role: "assistant", content: null, tool_calls: [tool] },
      { role: "tool", tool_call_id: "c1", content: "rain" },
    ];
    const choices = [
      { index: 0, message: { role: "assistant", content: "one" }, finish_reason: "stop" },
      { index: 1, message: { role: "assistant", tool_calls: [tool] }, finish_reason: "tool_calls" },
    ];
    const [one] = told(
      callsOf({ asked: { model: "m", messages }, answer: JSON.stringify({ choices }) }),
    );
    expect(json(one, "input.messages")).toEqual([
      { role: "system", parts: [{ type: "text", content: "be brief" }] },
      { role: "user", parts: [{ type: "text", content: "what" }, { type: "image_url" }] },
      { role: "assistant", parts: [call] },
      { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "rain" }] },
    ]);
    expect(json(one, "output.messages")).toEqual([
      ...answered("one", "stop"),
      { role: "assistant", parts: [call], finish_reason: "tool_calls" },
    ]);
  });

  test("streams: pieces of texts and of calls", () => {
    const piece = (delta: unknown, finish_reason: string | null = null, index = 0) => ({
      choices: [{ index, delta, finish_reason }],
    });
    const first = { index: 0, id: "c1", function: { name: "weather", arguments: '{"x"' } };
    const answer = events([
      piece({ role: "assistant", content: "" }),
      piece({ content: "on" }),
      piece({ content: "two" }, "length", 1),
      piece({ content: "e" }),
      piece({ tool_calls: [first] }),
      piece({ tool_calls: [{ index: 0, function: { arguments: ":1}" } }] }),
      piece({}, "stop"),
      { choices: [], usage: {} },
    ]);
    const asked = { model: "m", stream: true, messages: [user("hi")] };
    for (const size of [1, 5, Infinity]) {
      const calls = callsOf({ asked, answer, type: "text/event-stream" });
      expect(json(told(calls, on, size)[0], "output.messages")).toEqual([
        {
          role: "assistant",
          parts: [{ type: "text", content: "one" }, call],
          finish_reason: "stop",
        },
        ...answered("two", "length"),
      ]);
    }
  });

  test("responses, plain and streamed", () => {
    const output = [
      { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "yes" }] },
      { type: "function_call", call_id: "c1", name: "weather", arguments: '{"x":1}' },
    ];
    const asked = {
      ...{ model: "m", instructions: "be brief" },
      input: [user("hi"), { type: "function_call_output", call_id: "c0", output: "rain" }],
    };
    const path = "/v1/responses";
    const whole = { status: "completed", output };
    const done = output.map((item) => ({ type: "response.output_item.done", item }));
    const streams = [
      events([...done, { type: "response.completed", response: whole }]),
      events([...done, { type: "response.completed", response: { ...whole, output: [] } }]),
    ];
    const type = "text/event-stream";
    const turns: Turn[] = [
      { path, asked, answer: JSON.stringify(whole) },
      ...streams.map((answer) => ({ path, asked, answer, type })),
    ];
    for (const turn of turns) {
      const [one] = told(callsOf(turn));
      expect(json(one, "system_instructions")).toEqual([{ type: "text", content: "be brief" }]);
      expect(json(one, "input.messages")).toEqual([
        said("hi"),
        { role: "tool", parts: [{ type: "tool_call_response", id: "c0", response: "rain" }] },
      ]);
      const parts = [{ type: "reasoning", content: "hm" }, { type: "text", content: "yes" }, call];
      expect(json(one, "output.messages")).toEqual([
        { role: "assistant", parts, finish_reason: "completed" },
      ]);
    }
  });

  test("completions; compressed", () => {
    const answer = gzipSync('{"choices":[{"text":"b","finish_reason":"stop"}]}');
    const fields = "Content-Encoding: gzip\r\n";
    const turn = { path: "/v1/completions", asked: { model: "m", prompt: "a" }, answer, fields };
    const [one] = told(callsOf(turn));
    expect(json(one, "input.messages")).toEqual([said("a")]);
    expect(json(one, "output.messages")).toEqual(answered("b", "stop"));
  });
});

describe("others", () => {
  test("Anthropic: system, tools, thinking, streamed blocks", () => {
    const asked = {
      ...{ model: "m", max_tokens: 9, system: [{ type: "text", text: "be brief" }] },
      messages: [
        user("hi"),
        { role: "assistant", content: [{ type: "tool_use", id: "t", name: "n", input: { x: 1 } }] },
        user([{ type: "tool_result", tool_use_id: "t", content: "rain" }]),
      ],
    };
    const answer = events([
      { type: "message_start", message: { role: "assistant" } },
      { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
      { type: "content_block_start", index: 1, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "y" } },
      { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "es" } },
      {
        type: "content_block_start",
        index: 2,
        content_block: { type: "tool_use", id: "u", name: "n" },
      },
      { type: "content_block_delta", index: 2, delta: { partial_json: '{"x":' } },
      { type: "content_block_delta", index: 2, delta: { partial_json: "2}" } },
      { type: "message_delta", delta: { stop_reason: "tool_use" } },
    ]);
    const [one] = told(callsOf({ path: "/v1/messages", asked, answer, type: "text/event-stream" }));
    expect(json(one, "system_instructions")).toEqual([{ type: "text", content: "be brief" }]);
    const called = { type: "tool_call", id: "t", name: "n", arguments: { x: 1 } };
    expect(json(one, "input.messages").slice(1)).toEqual([
      { role: "assistant", parts: [called] },
      { role: "user", parts: [{ type: "tool_call_response", id: "t", response: "rain" }] },
    ]);
    const parts = [
      { type: "reasoning", content: "hm" },
      { type: "text", content: "yes" },
      { type: "tool_call", id: "u", name: "n", arguments: '{"x":2}' },
    ];
    expect(json(one, "output.messages")).toEqual([
      { role: "assistant", parts, finish_reason: "tool_use" },
    ]);
  });

  test("Ollama: generate, as lines", () => {
    const lines = ['{"response":"ye"}', '{"response":"s"}', '{"done":true,"done_reason":"stop"}'];
    const asked = { model: "m", prompt: "hi", system: "be brief" };
    const type = "application/x-ndjson";
    const turn = { path: "/api/generate", asked, answer: `${lines.join("\n")}\n`, type };
    const [one] = told(callsOf(turn));
    expect(json(one, "input.messages")).toEqual([said("hi")]);
    expect(json(one, "system_instructions")).toEqual([{ type: "text", content: "be brief" }]);
    expect(json(one, "output.messages")).toEqual(answered("yes", "stop"));
  });

  test("an error is no output", () => {
    const answer = '{"type":"error","error":{"type":"overloaded_error","message":"x"}}';
    const asked = { model: "m", messages: [user("hi")] };
    const [one] = told(callsOf({ path: "/v1/messages", asked, answer }));
    expect(one).toHaveProperty(["gen_ai.input.messages"]);
    expect(one).not.toHaveProperty(["gen_ai.output.messages"]);
  });
});

describe("bounds", () => {
  const truncated = "olly.gen_ai.content.truncated";

  test("long texts are cut, and it is said", () => {
    const asked = { model: "m", messages: [user("é".repeat(100_000)), user("never")] };
    const choices = [{ message: { content: "x".repeat(100_000) }, finish_reason: "stop" }];
    const [one] = told(callsOf({ asked, answer: JSON.stringify({ choices }) }));
    expect(one?.[truncated]).toBe(true);
    for (const name of ["gen_ai.input.messages", "gen_ai.output.messages"]) {
      expect(String(one?.[name]).length).toBeGreaterThan(60_000);
      expect(String(one?.[name]).length).toBeLessThan(CHARACTERS_MAX + 1_000);
    }
  });

  test("bodies above the maximum, lost bytes, hostile shapes", () => {
    const many = Array.from({ length: 8_000 }, () => ({}));
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const messages = [user("hi")];
    const turns: Turn[] = [
      { asked: { model: "m", messages: [user("x".repeat(300_000))] }, answer: "{}" },
      { asked: { model: "m", messages: many }, answer: "{}" },
      {
        asked: { model: "m", messages },
        answer: `{"choices":[{"message":{"tool_calls":${deep}}}]}`,
      },
      { asked: { model: "m", messages }, answer: `{"output":${deep}}` },
      { asked: { model: "m", messages }, answer: '{"choices":5,"error":null}' },
      {
        asked: { model: "m", messages, stream: true },
        answer: `data: {"type":"response.output_item.done","item":${deep}}\n\n`.repeat(2),
        type: "text/event-stream",
      },
      {
        asked: { model: "m", messages, stream: true },
        answer: events(many.map((_, index) => ({ choices: [{ index, delta: { content: "x" } }] }))),
        type: "text/event-stream",
      },
      {
        asked: { model: "m", messages, stream: true },
        answer: `data: ${"x".repeat(400_000)}`,
        type: "text/event-stream",
      },
    ];
    for (const [index, turn] of turns.entries()) {
      const calls = callsOf(turn);
      const driven = new Driven([asProtocol(http1)], { role: "client" }, on);
      for (const { side, bytes } of calls) {
        for (let at = 0; at < bytes.length; at += 16_384) {
          driven.call({ side, bytes: bytes.subarray(at, at + 16_384) });
          expect(sizeOf(driven.conversation.state)).toBeLessThan(2 * 1024 * 1024);
        }
      }
      driven.close();
      const [exchange] = driven.told;
      const all = http1.describe(exchange as never, on)?.attributes ?? [];
      const length = all.reduce((sum, [, value]) => sum + String(value).length, 0);
      expect([index, length < 4 * CHARACTERS_MAX]).toEqual([index, true]);
      const isSaid = all.some(([name]) => name === truncated);
      // Only the odd answer without anything has nothing to be cut.
      expect([index, isSaid]).toEqual([index, index !== 4]);
    }
  });

  test("what is lost is left out, and it is said", () => {
    const [request, response] = callsOf({
      asked: { model: "m", messages: [user("hi")] },
      answer: JSON.stringify({ choices: [{ message: { content: "x".repeat(500) } }] }),
    });
    if (request === undefined || response === undefined) throw new Error("two calls");
    const bytes = response.bytes.subarray(0, response.bytes.length - 300);
    const [one] = told([request, { ...response, bytes, missing: 300 }]);
    expect(json(one, "input.messages")).toEqual([said("hi")]);
    expect(one).not.toHaveProperty(["gen_ai.output.messages"]);
    expect(one?.[truncated]).toBe(true);
  });
});
