import { describe, expect, test } from "bun:test";
import { plainSegment, segmentsOf } from "./path-segments.ts";
import { isWord, labelOf } from "./segment-shape.ts";

const label = (segment: string) => labelOf(plainSegment(segment));

describe("what a segment is by its shape", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    "{id}": [
      ..."0 7 42 -5 +3 1.5 12,13 52.52,13.40 10:30:00 20240517 order-12345 user12345".split(" "),
      ..."2024-05-17-a-title invoice_2024 1.2.3 12%2C13 abc-001".split(" "),
    ],
    "{uuid}": ["0b6c5e0a-9d1c-4f47-8b1e-5a2f9f3f1e77", "0B6C5E0A-9D1C-4F47-8B1E-5A2F9F3F1E77"],
    "{hash}": ["3f2a1b4c", "507f1f77bcf86cd799439011", "D41D8CD98F00B204E9800998ECF8427E"],
    "{token}": [
      "V1StGXR8_Z5jdHi6B-myT",
      "01ARZ3NDEKTSV4RRFFQ69G5FAV",
      "dQw4w9WgXcQ5",
      "cus_9s6XKzkNRLz8i3",
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
      "AbCdEfGhIjKlMnOp",
      "thisisoneverylongwordwithoutanend",
      "x".repeat(65),
      "app-3f2a1bcd9",
    ],
    "{date}": ["2024-05-17", "2024-05", "2024-05-17T10:00:00Z", "2024-W05", "2024-05-17T10%3A00"],
    "{ip}": ["127.0.0.1", "fe80::1", "::1", "2001:db8::8a2e:370:7334"],
    "{email}": ["ada@example.com", "ada%40example.com"],
    "{name}": ["a%20b", "%C3%BCber", "über", "a%2Fb", "%zz", "%", "{id}", "<script>", "\u0000"],
    "{file}.css": ["app.css", "app.3f2a1b.css", "APP.CSS"],
    "{file}.js": ["main.min.js", "1.js"],
    "{id}.json": ["1.json", "order-12345.json"],
    "{uuid}.xml": ["0b6c5e0a-9d1c-4f47-8b1e-5a2f9f3f1e77.xml"],
  };
  for (const [placeholder, segments] of Object.entries(cases)) {
    test(placeholder, () => {
      for (const segment of segments) {
        expect([segment, label(segment)]).toEqual([segment, placeholder]);
      }
    });
  }

  test("a word stays a word", () => {
    const words = [
      ..."users Users API v1 v2.1 v1beta1 v1alpha1 v2024-05-17 oauth2 s3 k8s i18n e2e mp3".split(
        " ",
      ),
      ..."forgot-password snake_case index.php login.aspx example.com @ada - ~ en-US utf-8".split(
        " ",
      ),
      ..."getUserProfileByAccountId getAllOpenBidsForItem internationalisation sha-1 ipv4".split(
        " ",
      ),
      ..."deadbeef step-12 wp-admin .well-known a x1 base64 oauth2callback $metadata".split(" "),
    ];
    for (const word of words) expect(label(word)).toBe(word);
  });

  test("parameters and escapes of plain characters are no part of it", () => {
    expect(label("cart;jsessionid=0AAB6C8DE415")).toBe("cart");
    expect(label("%75sers")).toBe("users");
    expect(label("us%65rs;a")).toBe("users");
  });

  test("only placeholders and kinds of static files are no words", () => {
    expect(["{id}", "{name}", "*", "{file}.css"].map(isWord)).toEqual([false, false, false, false]);
    expect(["users", "{id}.json", "{file}.odd"].map(isWord)).toEqual([true, true, true]);
  });
});

describe("pieces of a path", () => {
  test("empty ones are left out", () => {
    expect(segmentsOf("/")).toEqual({ segments: [], isCut: false });
    expect(segmentsOf("//a///b/")).toEqual({ segments: ["a", "b"], isCut: false });
  });

  test("sixteen of them, in the first 1,024 characters", () => {
    const many = segmentsOf("/a".repeat(17));
    expect([many.segments.length, many.isCut]).toEqual([16, true]);
    expect(segmentsOf("/a".repeat(16)).isCut).toBe(false);
    expect(segmentsOf(`/a/${"b".repeat(2_000)}`)).toEqual({ segments: ["a"], isCut: true });
    expect(segmentsOf("/".repeat(1_000_000))).toEqual({ segments: [], isCut: true });
  });
});
