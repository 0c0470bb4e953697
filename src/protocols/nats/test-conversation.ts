/**
 * A conversation for the harnesses that lose, change and time messages: requests of about 1 KB to a
 * service, answered on a muxed inbox, whose numbers stand in their subjects.
 */
import type { Step } from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import { ATTR_MESSAGING_DESTINATION_NAME } from "../../semconv/messaging.ts";

const encoder = new TextEncoder();
const INBOX = "_INBOX.Wl5vzrCGx5aJ9mVqoy4Ge5";
const REQUEST_BYTES = 600;
const ANSWER_BYTES = 300;

export const serverInfo =
  'INFO {"server_id":"NBDN","version":"2.9.10","proto":1,"headers":true,"max_payload":1048576}\r\n';

export function conversation(count: number): {
  readonly steps: Step[];
  markerOf(exchange: {
    readonly name: string;
    readonly attributes: Record<string, AttributeValue>;
  }): number | undefined;
} {
  const connect = 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nPING\r\n';
  const steps = [server(serverInfo), client(connect), server("PONG\r\n")];
  steps.push(client(`SUB ${INBOX}.* 1\r\n`));
  for (let number = 0; number < count; number++) {
    const inbox = `${INBOX}.${number.toString(36)}`;
    const [question, answer] = ["?".repeat(REQUEST_BYTES), "!".repeat(ANSWER_BYTES)];
    steps.push(client(`PUB orders.${number}.price ${inbox} ${REQUEST_BYTES}\r\n${question}\r\n`));
    steps.push(server(`MSG ${inbox} 1 ${ANSWER_BYTES}\r\n${answer}\r\n`));
  }
  return {
    steps,
    markerOf: ({ attributes }) => {
      const name = attributes[ATTR_MESSAGING_DESTINATION_NAME];
      const number =
        typeof name === "string" ? /^orders\.(\d+)\.price$/.exec(name)?.[1] : undefined;
      return number === undefined ? undefined : Number(number);
    },
  };
}

export function client(text: string): Step {
  return { side: "request", bytes: encoder.encode(text) };
}

export function server(text: string): Step {
  return { side: "response", bytes: encoder.encode(text) };
}
