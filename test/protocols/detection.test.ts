/**
 * Every protocol among all others, and against their traffic. Invariant: a conversation is told by
 * its own protocol, from its first request on; the others tell nothing of it.
 */
import { describe, expect, test } from "bun:test";
import { policy, subjects } from "../harness/conversations.ts";
import { Driven } from "../harness/driven.ts";
import { callsOf, recut } from "../harness/mutate.ts";
import { seededRandom } from "../harness/stream-cases.ts";

const EXCHANGES = 20;
const CUTS = 25;
const all = await subjects();
const protocols = all.map(({ protocol }) => protocol);

for (const { protocol, conversation } of all) {
  const { steps, markerOf } = conversation(EXCHANGES);
  const calls = callsOf(steps);
  const markersOf = (driven: Driven) =>
    driven.told.map((exchange) => {
      const draft = protocol.describe(exchange, policy);
      const attributes = Object.fromEntries(draft?.attributes ?? []);
      return draft === undefined ? undefined : markerOf({ name: draft.name, attributes });
    });

  describe(protocol.id, () => {
    test("is told by itself, and known before the first answer is over", () => {
      const driven = new Driven(protocols);
      let openedBefore = -1;
      for (const [index, call] of calls.entries()) {
        driven.call(call);
        if (driven.opened > 0 && openedBefore < 0) openedBefore = index;
      }
      driven.close();
      expect(new Set(driven.told.map((exchange) => exchange.protocol))).toEqual(
        new Set([protocol.id]),
      );
      expect(driven.drops.entries()).toEqual([]);
      const first = driven.told[0];
      expect(calls[openedBefore]?.side).toBe("request");
      expect(first?.startNs).toBe((openedBefore + 2) * 1_000);
    });

    test("in other pieces it is the same", () => {
      const straight = new Driven(protocols);
      for (const call of calls) straight.call(call);
      straight.close();
      const random = seededRandom(protocol.id);
      for (let round = 0; round < CUTS; round++) {
        const driven = new Driven(protocols, round % 2 === 0 ? {} : { role: "server" });
        for (const call of recut(calls, random)) driven.call(call);
        driven.close();
        expect(markersOf(driven)).toEqual(markersOf(straight));
        expect(driven.drops.entries()).toEqual([]);
      }
    });

    test("is claimed by no other", () => {
      for (const other of protocols.filter(({ id }) => id !== protocol.id)) {
        for (const midstream of [false, true]) {
          for (let from = midstream ? 1 : 0; from < (midstream ? calls.length : 1); from++) {
            const role = midstream && from % 2 === 0 ? "unknown" : "client";
            const driven = new Driven([other], { midstream, role });
            for (const call of calls.slice(from)) driven.call(call);
            driven.close();
            const claimed = driven.told.filter((exchange) => exchange.protocol === other.id);
            expect([other.id, from, claimed.length]).toEqual([other.id, from, 0]);
          }
        }
      }
    });
  });
}
