/**
 * JSON over HTTP/1 and HTTP/2 as tshark decodes it, and the streams of events that it gives as they
 * are. Invariant: it knows packets only, of clients that have one request on its way at a time.
 */
import { decode, several } from "./tshark.ts";

/** Values by their paths in a text: "/usage/prompt_tokens". */
export type JsonValues = ReadonlyMap<string, string>;

export interface JsonExchange {
  readonly asked: JsonValues;
  answered: JsonValues;
  /** The answer, when it is a stream of events. */
  events: string;
}

export async function jsonExchanges(
  file: string,
  port: number,
  protocol: "http" | "http2",
): Promise<JsonExchange[]> {
  const lines = await decode(file, {
    ports: [port],
    protocol,
    fields: [
      ...["tcp.stream", "tcp.dstport", "json.path_with_value"],
      ...["http.file_data", "http2.body.reassembled.data"],
    ],
  });
  const exchanges: JsonExchange[] = [];
  const open = new Map<string, JsonExchange>();
  for (const [stream = "", destination, json, plain, framed] of lines) {
    const values = valuesOf(several(json));
    if (Number(destination) === port) {
      if (values.size === 0) continue;
      const exchange = { asked: values, answered: new Map(), events: "" };
      exchanges.push(exchange);
      open.set(stream, exchange);
      continue;
    }
    const exchange = open.get(stream);
    if (exchange === undefined) continue;
    if (values.size > 0) exchange.answered = values;
    else exchange.events += [...several(plain), ...several(framed)].map(textOf).join("");
  }
  return exchanges;
}

function valuesOf(pairs: readonly string[]): JsonValues {
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const colon = pair.indexOf(":");
    if (colon > 0) values.set(pair.slice(0, colon), pair.slice(colon + 1));
  }
  return values;
}

/** Releases of tshark differ in whether bytes are printed as text. */
function textOf(bytes: string): string {
  const digits = bytes.replaceAll(":", "");
  return /^(?:[0-9a-f]{2})+$/.test(digits) ? Buffer.from(digits, "hex").toString() : bytes;
}
