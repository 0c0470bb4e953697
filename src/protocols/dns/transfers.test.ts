/** Answers of several messages or several reads, and what a loss does to them. */
import { expect, test } from "bun:test";
import { play, type Step } from "../../../test/harness/stream-cases.ts";
import { Type } from "./codes.ts";
import { dns } from "./index.ts";
import { framed, message, pointer, question, RESPONSE, record, uint32 } from "./test-messages.ts";

const ZONE = "z.test";
const options = { protocol: dns, policy: { httpKnownMethods: new Set<string>() } };

const soa = (serial: number) =>
  record(pointer(12), Type.soa, [0, 0, ...uint32(serial), ...[1, 2, 3, 4].flatMap(uint32)]);
const host = record(pointer(12), Type.a, [192, 0, 2, 1]);

const asks = (type: number): Step => ({
  side: "request",
  bytes: framed(message({ body: question(ZONE, type) })),
});
const answers = (type: number, ...records: readonly number[][]): Step => {
  const body = [...question(ZONE, type), ...records.flat()];
  const parts = { flags: RESPONSE, counts: [1, records.length, 0, 0] as const, body };
  return { side: "response", bytes: framed(message(parts)) };
};
const response = (bytes: Uint8Array): Step => ({ side: "response", bytes });

const played = (steps: readonly Step[]) =>
  play(options, { name: "transfer", steps, expected: [] }).exchanges.map((exchange) => [
    exchange.outcome,
    exchange.end,
    exchange.attributes["olly.dns.response.message_count"],
    exchange.attributes["olly.dns.response.answer_count"],
  ]);

test("a zone transfer ends with the record it began with", () => {
  expect(
    played([
      asks(Type.axfr),
      answers(Type.axfr, soa(7)),
      answers(Type.axfr, host, host),
      answers(Type.axfr, host, soa(7)),
    ]),
  ).toEqual([["complete", 3, 3, 5]]);
});

test("an incremental one may be a single record, or pass other versions", () => {
  expect(played([asks(Type.ixfr), answers(Type.ixfr, soa(7))])).toEqual([
    ["complete", 1, undefined, 1],
  ]);
  expect(
    played([
      asks(Type.ixfr),
      answers(Type.ixfr, soa(9), soa(7), host, soa(8)),
      answers(Type.ixfr, host, soa(9)),
    ]),
  ).toEqual([["complete", 2, 2, 6]]);
});

test("a refused one is over at once, one that the connection's end cuts is not complete", () => {
  const refused = message({ flags: 0x8185, body: question(ZONE, Type.axfr) });
  expect(played([asks(Type.axfr), { side: "response", bytes: framed(refused) }])).toEqual([
    ["complete", 1, undefined, 0],
  ]);
  expect(played([asks(Type.axfr), answers(Type.axfr, soa(7), host)])).toEqual([
    ["closed_early", 2, undefined, 2],
  ]);
});

test("one of whose messages some may be lost is truncated", () => {
  expect(
    played([
      asks(Type.axfr),
      answers(Type.axfr, soa(7), host),
      { ...answers(Type.axfr, host, soa(7)), gap: 100 },
    ]),
  ).toEqual([["truncated", 2, 2, 4]]);
});

test("a program that reads lengths by calls of their own is read again behind a loss", () => {
  const whole = framed(message({ flags: RESPONSE, body: question(ZONE) }));
  const [length, body] = [whole.slice(0, 2), whole.slice(2)];
  const asking: Step = { side: "request", bytes: framed(message({ body: question(ZONE) })) };
  expect(
    played([
      asking,
      // The length is lost, and what stands behind it makes no message.
      { ...response(body), gap: 2 },
      asking,
      response(length),
      response(body),
    ]),
  ).toEqual([["complete", 4, undefined, 0]]);
  expect(
    played([asking, { ...response(length), gap: 300 }, response(body), asking, response(whole)]),
  ).toEqual([
    ["complete", 2, undefined, 0],
    ["complete", 4, undefined, 0],
  ]);
});
