/** What is picked out of JSON, however it is cut, and what is not JSON. */
import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { JsonBody } from "./json-body.ts";
import type { LineForm } from "./json-lines.ts";
import { JsonPicker, type Picked, pickNodes } from "./json-picker.ts";

const encoder = new TextEncoder();
const PATHS = ["a", "b.c", "list[].x", "list[]", "[].id", "long*", "cut"];

function picked(text: string, size = text.length): Record<string, Picked[]> {
  const found: Record<string, Picked[]> = {};
  const picker = new JsonPicker(pickNodes(PATHS), (path, value) => {
    found[path] = [...(found[path] ?? []), value];
  });
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length; at += size) {
    picker.add(bytes, at, Math.min(at + size, bytes.length));
  }
  return picker.isWhole ? found : { ...found, broken: [] };
}

describe("the picker", () => {
  const cases: [text: string, expected: Record<string, unknown>][] = [
    ['{"a": 1, "b": {"c": "x"}}', { a: [1], "b.c": ["x"] }],
    ['{"z":[{"a":1},"]}\\"",{}],"a":-1.5e3}', { a: [-1500] }],
    [
      '{"list":[{"x":null},{"y":1},{"x":true}]}',
      {
        ...{ "list[]": [{ kind: "object" }, { kind: "object" }, { kind: "object" }] },
        "list[].x": [null, true],
      },
    ],
    ['[{"id":"\\u00e9\\n\\"é"}]', { "[].id": ['é\n"é'] }],
    ['{"a":[1],"b":3}', { a: [{ kind: "array" }] }],
    [
      '{"a":{"deep":{"a":2}},"b":{"c":[]}}',
      { a: [{ kind: "object" }], "b.c": [{ kind: "array" }] },
    ],
    ["{}", {}],
    ["[]", {}],
    ['{"__proto__":{"a":1},"constructor":2}', {}],
  ];
  test.each(cases)("%s", (text, expected) => {
    for (const size of [1, 2, 3, 7, text.length])
      expect(picked(text, size)).toEqual(expected as never);
  });

  test.each([
    '{"a":tru}',
    '{"a" 1}',
    '{"a":1]',
    "{a:1}",
    '"a',
    '{"a":1,,',
    '{"a":"\n"}',
    "[1}",
    "x",
  ])("no JSON: %s", (text) => {
    expect(picked(text)).toHaveProperty("broken");
    expect(picked(text, 1)).toEqual(picked(text));
  });

  test("long texts are cut or left out", () => {
    const text = `${"\\u00e9".repeat(1)}${"x".repeat(10_000)}`;
    const found = picked(`{"cut":"${text}","long":"${text}","a":"y"}`);
    expect(found["cut"]).toBeUndefined();
    expect(String(found["long"]?.[0])).toMatch(/^éx{4000,4096}$/);
    expect(found["a"]).toEqual(["y"]);
  });

  test("cut anywhere, the same values: escapes, in what is passed over and in keys, too", () => {
    const text =
      '{"c":[["\\\\"],[""],["]\\""],[{"a":0}]],"\\u0061":"q\\"\\\\","b":-1.5e2,"long":"\\n"}';
    const whole = picked(text);
    expect(whole).toMatchObject({ a: ['q"\\'], long: ["\n"] });
    const bytes = encoder.encode(text);
    for (let cut = 1; cut < bytes.length; cut++) {
      const found: Record<string, Picked[]> = {};
      const picker = new JsonPicker(pickNodes(["a", "b", "long*", "c[].x"]), (path, value) => {
        found[path] = [...(found[path] ?? []), value];
      });
      picker.add(bytes, 0, cut);
      picker.add(bytes, cut, bytes.length);
      expect([cut, picker.isWhole, found["a"], found["b"], found["long"]]).toEqual([
        ...[cut, true, ['q"\\'], [-150]],
        ["\n"],
      ]);
    }
  });

  test("depth costs nothing, and time is linear", () => {
    const deep = `{"z":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)},"a":1}`;
    expect(picked(deep)).toEqual({ a: [1] });
  });
});

function streamed(form: LineForm, text: string, size: number, coding?: string): string[] {
  const texts: string[] = [];
  let open = "";
  const body = new JsonBody({
    nodes: pickNodes(["a"]),
    picked: (_path, value) => {
      open += String(value);
    },
    textEnded: () => {
      texts.push(open);
      open = "";
    },
    form,
    coding,
  });
  const bytes = coding === "gzip" ? gzipSync(text) : encoder.encode(text);
  for (let at = 0; at < bytes.length; at += size) {
    body.add(bytes, at, Math.min(at + size, bytes.length));
  }
  body.finish();
  return texts;
}

describe("streams", () => {
  const events =
    ': hi\nevent: x\ndata: {"a":1}\r\n\r\ndata:{"a":2}\n\ndata: [DONE]\nid: {"a":9}\n\n';
  const lines = '{"a":1}\n\n{"b":1}\r\n{"a":3}\n';
  test.each([1, 2, 5, 1000])("in pieces of %d", (size) => {
    expect(streamed("events", events, size)).toEqual(["1", "2", ""]);
    expect(streamed("lines", lines, size)).toEqual(["1", "", "3"]);
    expect(streamed("lines", lines, size, "gzip")).toEqual(["1", "", "3"]);
    expect(streamed("lines", lines, size, "rot13")).toEqual([]);
  });

  test("what is lost costs the line it is in", () => {
    const texts: Picked[] = [];
    const body = new JsonBody({
      ...{ nodes: pickNodes(["a"]), form: "lines", coding: undefined },
      picked: (_path, value) => texts.push(value),
    });
    const bytes = encoder.encode(lines);
    body.add(bytes, 0, 3);
    body.miss();
    body.add(bytes, 5, bytes.length);
    expect(texts).toEqual([3]);
    expect(body.isLacking).toBe(true);
  });
});
