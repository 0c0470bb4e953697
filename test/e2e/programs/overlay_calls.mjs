// Calls of every overlay on HTTP by their numbers: what is asked, and what a server answers to it.
// The number stands in the request; the answer says a value that follows from it.
export const KINDS = [
  ...["chat", "stream", "messages", "ollama", "embeddings", "search", "object", "graphql"],
  ...["jsonrpc", "web", "connect"],
];

export const kindOf = (number) => KINDS[number % KINDS.length];
export const resultOf = (number) => 1 + ((number * 7) % 97);
const fails = (number) => resultOf(number) % 5 === 0;

const JSON_TYPE = { "content-type": "application/json" };
const WEB_TYPE = { "content-type": "application/grpc-web+proto" };
const CONNECT_TYPE = { "content-type": "application/connect+proto" };
const SIGNED = "AWS4-HMAC-SHA256 Credential=A/20261121/eu-west-1/s3/aws4_request";

function envelope(payload, flags = 0) {
  const head = Buffer.from([flags, 0, 0, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([head, Buffer.from(payload)]);
}

const messages = (count) => Array.from({ length: count }, () => envelope("a message"));
const ask = (number, more) =>
  JSON.stringify({ model: `m-${number}`, messages: [{ role: "user", content: "hi" }], ...more });

/** { method, path, headers, body } */
export function request(number) {
  const query = `?n=${number}`;
  const post = (path, body, headers = JSON_TYPE) => ({ method: "POST", path, headers, body });
  switch (kindOf(number)) {
    case "chat":
      return post(`/v1/chat/completions${query}`, ask(number));
    case "stream":
      return post(`/v1/chat/completions${query}`, ask(number, { stream: true }));
    case "messages":
      return post(`/v1/messages${query}`, ask(number), {
        ...JSON_TYPE,
        "anthropic-version": "2023-06-01",
      });
    case "ollama":
      return post(`/api/chat${query}`, ask(number));
    case "embeddings":
      return post(
        `/v1/embeddings${query}`,
        JSON.stringify({ model: `m-${number}`, input: ["a text"] }),
      );
    case "search":
      return post(`/orders-${number}/_search${query}`, '{"query":{"match_all":{}}}', {
        ...JSON_TYPE,
        "user-agent": "elasticsearch-py/9.5.1",
      });
    case "object": {
      const headers = { authorization: SIGNED, "x-amz-date": "20261121T000000Z" };
      return { method: "GET", path: `/photos/${number}`, headers, body: "" };
    }
    case "graphql":
      return post(
        `/graphql${query}`,
        JSON.stringify({ query: `query Q${number} { order(id: 5) }`, operationName: `Q${number}` }),
      );
    case "jsonrpc":
      return post(
        `/rpc${query}`,
        JSON.stringify({ jsonrpc: "2.0", method: "math.add", params: [1], id: number }),
      );
    case "web":
      return post(`/shop.Stock/Web${number}`, envelope("a message"), WEB_TYPE);
    default: {
      const body = Buffer.concat(messages(2));
      return post(`/shop.Stock/Connect${number}`, body, CONNECT_TYPE);
    }
  }
}

/** The number that a request on this path has; NaN = none. */
export function numberIn(path) {
  return Number(/(?:\?n=|\/photos\/|\/(?:Web|Connect))(\d+)$/.exec(path)?.[1]);
}

const events = (list) =>
  [...list.map((one) => JSON.stringify(one)), "[DONE]"].map((text) => `data: ${text}\n\n`);

/** { status, headers, parts } */
export function answer(number) {
  const value = resultOf(number);
  const usage = { prompt_tokens: value, completion_tokens: 1 };
  const base = { id: `r-${number}`, model: `m-${number}` };
  const json = (content, status = 200, headers = JSON_TYPE) => ({
    ...{ status, headers },
    parts: [JSON.stringify(content)],
  });
  switch (kindOf(number)) {
    case "chat":
      return json({ ...base, choices: [{ index: 0, finish_reason: "stop" }], usage });
    case "stream": {
      const pieces = [{ ...base, choices: [{ delta: { content: "x" } }] }];
      pieces.push({ ...base, choices: [{ delta: {}, finish_reason: "stop" }], usage });
      const headers = { "content-type": "text/event-stream" };
      return { status: 200, headers, parts: events(pieces) };
    }
    case "messages":
      return json({ ...base, stop_reason: "end_turn", usage: { input_tokens: value } });
    case "ollama": {
      const lines = [{ done: false }, { done: true, prompt_eval_count: value }];
      const parts = lines.map((line) => `${JSON.stringify(line)}\n`);
      return { status: 200, headers: { "content-type": "application/x-ndjson" }, parts };
    }
    case "embeddings":
      return json({ data: [], model: `m-${number}`, usage: { prompt_tokens: value } });
    case "search":
      return json({ took: 1 }, fails(number) ? 404 : 200);
    case "object": {
      const headers = { "content-type": "application/xml", "x-amz-request-id": "C9ER4AJX75574TDJ" };
      const error = "<Error><Code>NoSuchKey</Code></Error>";
      return fails(number)
        ? { status: 404, headers, parts: [error] }
        : { status: 200, headers, parts: ["content"] };
    }
    case "graphql":
      return json({ errors: [{ message: "no", extensions: { code: `E${value}` } }] });
    case "jsonrpc":
      return json({ jsonrpc: "2.0", id: number, error: { code: -31_000 - value, message: "no" } });
    case "web": {
      const trailers = envelope(`grpc-status:${fails(number) ? 5 : 0}\r\n`, 0x80);
      return { status: 200, headers: WEB_TYPE, parts: [...messages(value % 4), trailers] };
    }
    default: {
      const end = fails(number) ? '{"error":{"code":"not_found"}}' : "{}";
      const parts = [...messages(value % 4), envelope(end, 2)];
      return { status: 200, headers: CONNECT_TYPE, parts };
    }
  }
}

/** What a span has to say of the call. */
export function told(number) {
  const value = resultOf(number);
  const error = fails(number);
  switch (kindOf(number)) {
    case "chat":
    case "stream":
    case "messages":
      return `chat m-${number} r-${number} ${value}`;
    case "ollama":
      return `chat m-${number} ${value}`;
    case "embeddings":
      return `embeddings m-${number} ${value}`;
    case "search":
      return `search orders-${number}${error ? " !404" : ""}`;
    case "object":
      return `S3.GetObject ${number}${error ? " !NoSuchKey" : ""}`;
    case "graphql":
      return `query Q${number} !E${value}`;
    case "jsonrpc":
      return `math.add ${number} !${-31_000 - value}`;
    case "web":
      return `shop.Stock/Web${number} 1>${value % 4}${error ? " !NOT_FOUND" : ""}`;
    default:
      return `shop.Stock/Connect${number} 2>${value % 4}${error ? " !not_found" : ""}`;
  }
}
