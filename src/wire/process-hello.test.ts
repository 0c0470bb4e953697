import { describe, expect, test } from "bun:test";
import { createRandom } from "../../test/harness/fake-library.ts";
import { decodeProcessHello } from "./process-hello.ts";

function payload(...strings: string[]): Uint8Array {
  return new Uint8Array(Buffer.from(strings.map((text) => `${text}\0`).join("")));
}

test("executable, arguments in order, environment by name", () => {
  const bytes = payload(
    "exe",
    "/usr/sbin/nginx",
    "arg",
    "nginx",
    "arg",
    "-g",
    "arg",
    "",
    "OTEL_X",
    "",
  );
  expect(decodeProcessHello(bytes)).toEqual({
    executable: "/usr/sbin/nginx",
    args: ["nginx", "-g", ""],
    environment: new Map([["OTEL_X", ""]]),
  });
});

test("a token is 16 hexadecimal digits, anything else is none", () => {
  expect(decodeProcessHello(payload("token", "00f0000000000001"))).toMatchObject({
    token: 0xf0000000000001n,
    environment: new Map(),
  });
  for (const text of ["", "1", "00F0000000000001", "00f00000000000010", "0x00000000000001"]) {
    expect(decodeProcessHello(payload("token", text))).toEqual({
      executable: "",
      args: [],
      environment: new Map(),
    });
  }
});

test("an empty hello", () => {
  expect(decodeProcessHello(new Uint8Array(0))).toEqual({
    executable: "",
    args: [],
    environment: new Map(),
  });
});

test("bytes that are not UTF-8 are kept as far as they can be", () => {
  const bytes = new Uint8Array([...payload("exe"), 0x2f, 0xff, 0x61, 0]);
  expect(decodeProcessHello(bytes)).toMatchObject({ executable: "/\ufffda" });
});

test("names that objects have by themselves are only names", () => {
  const hello = decodeProcessHello(payload("__proto__", "a", "constructor", "b"));
  expect(hello).toMatchObject({
    environment: new Map([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]),
  });
});

test("no more than the maxima is kept", () => {
  const many: string[] = [];
  for (let index = 0; index < 100; index++) many.push("arg", `a${index}`, `V${index}`, "v");
  const hello = decodeProcessHello(payload(...many));
  expect(typeof hello === "object" && hello.args).toHaveLength(8);
  expect(typeof hello === "object" && hello.environment.size).toBe(32);
});

describe("malformed", () => {
  const cases: readonly [string, Uint8Array][] = [
    ["a key without an end", new Uint8Array(Buffer.from("exe"))],
    ["a key without a value", payload("exe", "/bin/a", "arg")],
    ["a value without an end", new Uint8Array(Buffer.from("exe\0/bin/a"))],
  ];
  for (const [name, bytes] of cases) {
    test(name, () => expect(decodeProcessHello(bytes)).toBe("message_malformed"));
  }
});

test("every truncation is malformed or a shorter hello", () => {
  const bytes = payload("exe", "/bin/a", "arg", "a", "OTEL_SERVICE_NAME", "shop");
  for (let length = 0; length < bytes.length; length++) {
    const hello = decodeProcessHello(bytes.subarray(0, length));
    if (typeof hello === "string") expect(hello).toBe("message_malformed");
    else expect(hello.environment.size).toBe(0);
  }
});

test("garbage never throws", () => {
  const random = createRandom(3);
  for (let round = 0; round < 5000; round++) {
    const bytes = new Uint8Array(Math.floor(random() * 60));
    for (let index = 0; index < bytes.length; index++) {
      bytes[index] = random() < 0.3 ? 0 : random() * 256;
    }
    const hello = decodeProcessHello(bytes);
    if (typeof hello !== "string") expect(hello.args.length).toBeLessThanOrEqual(8);
  }
});
