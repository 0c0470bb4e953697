/** One kept connection of a web server, one request after the other. */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import { end, get, join, output, request } from "./test-records.ts";

const PATH = "/stock/";
const USER_AGENT = "x".repeat(300);
const PAGE = "y".repeat(450);

export function conversation(count: number): { steps: Step[]; markerOf: typeof markerOf } {
  const steps: Step[] = [];
  for (let index = 0; index < count; index++) {
    const values = { ...get(`${PATH}${index}`), HTTP_USER_AGENT: USER_AGENT };
    const page = `Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n${PAGE}`;
    steps.push({ side: "request", bytes: request(1, values) });
    steps.push({ side: "response", bytes: join(output(1, page), output(1, ""), end(1)) });
  }
  return { steps, markerOf };
}

function markerOf(exchange: {
  readonly name: string;
  readonly attributes: Record<string, AttributeValue>;
}): number | undefined {
  const url = exchange.attributes["url.full"] ?? exchange.attributes["url.path"];
  const place = typeof url === "string" ? url.indexOf(PATH) : -1;
  return place < 0 ? undefined : Number(String(url).slice(place + PATH.length));
}
