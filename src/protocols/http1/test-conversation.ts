/** A keep-alive connection; the target of request i is /orders/i, its answer about 700 bytes. */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";

const encoder = new TextEncoder();

function request(number: number): string {
  return (
    `GET /orders/${number} HTTP/1.1\r\nHost: shop.test:8080\r\n` +
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
    "Accept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, deflate, br\r\n" +
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n" +
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n"
  );
}

/** Every fourth in chunks. */
function answer(number: number): string {
  const body = `{"id":${number},"text":"${"x".repeat(420)}"}`;
  const head =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 07:14:59 GMT\r\n" +
    "Content-Type: application/json\r\nConnection: keep-alive\r\nCache-Control: no-cache\r\n";
  if (number % 4 !== 3) return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  const size = body.length.toString(16);
  return `${head}Transfer-Encoding: chunked\r\n\r\n${size}\r\n${body}\r\n0\r\n\r\n`;
}

export function conversation(count: number) {
  const steps: Step[] = [];
  for (let number = 0; number < count; number++) {
    steps.push({ side: "request", bytes: encoder.encode(request(number)) });
    steps.push({ side: "response", bytes: encoder.encode(answer(number)) });
  }
  return { steps, markerOf };
}

function markerOf({ attributes }: { attributes: Record<string, AttributeValue> }) {
  const target = String(attributes["url.full"] ?? attributes["url.path"] ?? "");
  const found = /\/orders\/(\d+)$/.exec(target);
  return found === null ? undefined : Number(found[1]);
}
