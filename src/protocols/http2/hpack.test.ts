/** Field blocks: the specification's own examples, and what a hostile peer may send. */
import { describe, expect, test } from "bun:test";
import { createFieldBlock, HpackDecoder, wantedNames } from "./hpack.ts";
import { decodeHuffman, huffmanBytesMax } from "./huffman.ts";
import { http2Limits } from "./limits.ts";
import { STATIC_TABLE } from "./static-table.ts";
import {
  ascii,
  indexed,
  inserted,
  integer,
  joined,
  passing,
  resized,
  text,
} from "./test-frames.ts";

const wanted = wantedNames([
  ...STATIC_TABLE.map(([name]) => name),
  "custom-key",
  "password",
  "grpc-status",
]);

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex.replaceAll(" ", ""));
}

class Reader {
  readonly decoder: HpackDecoder;
  readonly block = createFieldBlock();

  constructor(joined = false, names = wanted) {
    this.decoder = new HpackDecoder(names, joined);
  }

  /** "name: value" of each field, "?" for each unknown one; "invalid". */
  read(bytes: Uint8Array): string[] | "invalid" {
    const { block } = this;
    if (!this.decoder.decode(bytes, 0, bytes.length, block)) return "invalid";
    const told = block.names
      .slice(0, block.count)
      .map((name, at) => `${name}: ${block.values[at]}`);
    return [...told, ...Array.from({ length: block.unknown }, () => "?")];
  }
}

const DATE = "date: Mon, 21 Oct 2013 20:13:2";
const COOKIE = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

/** RFC 7541 appendix C: what each block says, and the size of the table behind it. */
const EXAMPLES: [name: string, tableSize: number, blocks: [string, string[], number][]][] = [
  [
    "C.2",
    4096,
    [
      ["400a637573746f6d2d6b65790d637573746f6d2d686561646572", ["custom-key: custom-header"], 55],
      ["040c2f73616d706c652f70617468", [":path: /sample/path"], 55],
      ["100870617373776f726406736563726574", ["password: secret"], 55],
      ["82", [":method: GET"], 55],
    ],
  ],
  [
    "C.4",
    4096,
    [
      [
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
        57,
      ],
      [
        "828684be5886a8eb10649cbf",
        [
          ":method: GET",
          ":scheme: http",
          ":path: /",
          ":authority: www.example.com",
          "cache-control: no-cache",
        ],
        110,
      ],
      [
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        [
          ":method: GET",
          ":scheme: https",
          ":path: /index.html",
          ":authority: www.example.com",
          "custom-key: custom-value",
        ],
        164,
      ],
    ],
  ],
  [
    "C.6, with eviction",
    256,
    [
      [
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f" +
          "0b97c8e9ae82ae43d3",
        [
          ":status: 302",
          "cache-control: private",
          `${DATE}1 GMT`,
          "location: https://www.example.com",
        ],
        222,
      ],
      [
        "4883640effc1c0bf",
        [
          ":status: 307",
          "cache-control: private",
          `${DATE}1 GMT`,
          "location: https://www.example.com",
        ],
        222,
      ],
      [
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335" +
          "dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        [
          ":status: 200",
          "cache-control: private",
          `${DATE}2 GMT`,
          "location: https://www.example.com",
          "content-encoding: gzip",
          COOKIE,
        ],
        215,
      ],
    ],
  ],
];

describe("RFC 7541 appendix C", () => {
  for (const [name, tableSize, blocks] of EXAMPLES) {
    test(name, () => {
      const reader = new Reader();
      reader.decoder.table.resize(tableSize);
      for (const [hex, fields, size] of blocks) {
        expect(reader.read(bytesOf(hex))).toEqual(fields);
        expect(reader.decoder.table.size).toBe(size);
      }
    });
  }
});

describe("Huffman text", () => {
  const decoded = (bytes: Uint8Array) => {
    const target = new Uint8Array(huffmanBytesMax(bytes.length));
    const length = decodeHuffman(bytes, 0, bytes.length, target);
    return length < 0 ? undefined : new TextDecoder("latin1").decode(target.subarray(0, length));
  };
  const cases: [hex: string, text: string | undefined][] = [
    ["", ""],
    ["1f", "a"],
    ["f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"],
    // Padding of zeros, of a whole byte, and EOS itself.
    ["18", undefined],
    ["1fff", undefined],
    ["ffffffff", undefined],
    ["fffffffc", undefined],
    // The longest codes: LF, and byte 249 alone has 28 bits.
    ["fffffff3", "\n"],
  ];
  test.each(cases)("%s", (hex, expected) => expect(decoded(bytesOf(hex))).toBe(expected as string));

  test("nothing is written behind the most that fits", () => {
    const bytes = new Uint8Array(1000);
    const target = new Uint8Array(huffmanBytesMax(bytes.length));
    expect(decodeHuffman(bytes, 0, bytes.length, target)).toBe(1600);
    expect(target.every((byte) => byte === 48)).toBe(true);
  });
});

describe("what was not seen", () => {
  test("is unknown, until the table has been filled anew", () => {
    const reader = new Reader(true);
    expect(reader.read(joined([indexed(2), indexed(62), indexed(70)]))).toEqual([
      ":method: GET",
      "?",
      "?",
    ]);
    expect(reader.read(inserted("grpc-status", "5"))).toEqual(["grpc-status: 5"]);
    expect(reader.read(joined([indexed(62), indexed(63)]))).toEqual(["grpc-status: 5", "?"]);
    expect(reader.read(joined([inserted(70, "x"), indexed(62), indexed(63)]))).toEqual([
      "grpc-status: 5",
      "?",
      "?",
    ]);
    expect(reader.read(joined([resized(0), resized(4096)]))).toEqual([]);
    expect(reader.decoder.table.isWhole).toBe(true);
    expect(reader.read(indexed(62))).toBe("invalid");
  });

  test("a loss forgets the entries, and an invalid block does too", () => {
    const reader = new Reader();
    reader.read(inserted("custom-key", "1"));
    reader.decoder.lose();
    expect(reader.read(indexed(62))).toEqual(["?"]);
    reader.read(inserted("custom-key", "2"));
    expect(reader.read(Uint8Array.of(0x80))).toBe("invalid");
    expect(reader.block.count).toBe(0);
    expect(reader.block.unknown).toBe(1);
    expect(reader.read(indexed(62))).toEqual(["?"]);
  });

  test("a table larger than what is kept loses its oldest entries, not its places", () => {
    const reader = new Reader();
    const value = "v".repeat(1000);
    reader.read(resized(1_000_000_000 % 2 ** 27));
    for (let index = 0; index < 100; index++)
      reader.read(inserted("custom-key", `${index}${value}`));
    const { table } = reader.decoder;
    expect(table.size).toBeLessThanOrEqual(http2Limits.tableBytesMax);
    expect(reader.read(indexed(62))).toEqual([`custom-key: 99${value}`]);
    expect(reader.read(indexed(70))).toEqual([`custom-key: 91${value}`]);
    expect(reader.read(indexed(150))).toEqual(["?"]);
  });
});

describe("hostile blocks", () => {
  const cases: [name: string, bytes: Uint8Array][] = [
    ["an index of 0", Uint8Array.of(0x80)],
    ["an index beyond the table", indexed(62)],
    ["a name beyond the table", inserted(62, "x")],
    ["an endless integer", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)],
    ["an integer that is cut off", Uint8Array.of(0xff)],
    ["a size that is absurd", Uint8Array.of(0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ["a value longer than the block", joined([Uint8Array.of(0x04), integer(1 << 20, 7, 0)])],
    ["a name without a value", joined([Uint8Array.of(0x40), text("a")])],
    ["invalid Huffman text that is needed", Uint8Array.of(0x44, 0x81, 0x18)],
  ];
  test.each(cases)("%s", (_name, bytes) => expect(new Reader().read(bytes)).toBe("invalid"));

  test("an entry larger than the table empties it", () => {
    const reader = new Reader();
    reader.read(joined([resized(100), inserted("custom-key", "1")]));
    expect(reader.decoder.table.length).toBe(1);
    reader.read(inserted("custom-key", "x".repeat(200)));
    expect([reader.decoder.table.length, reader.decoder.table.size]).toEqual([0, 0]);
  });

  test("a block of nothing but references is read in bounded memory", () => {
    const reader = new Reader();
    const bytes = new Uint8Array(64 * 1024).fill(0x82);
    reader.read(bytes);
    expect(reader.block.count).toBe(http2Limits.blockFieldsMax);
  });

  test("a thousand evictions keep the newest entries in their places", () => {
    const reader = new Reader();
    for (let index = 0; index < 1000; index++) reader.read(inserted("custom-key", `${index}`));
    expect(reader.decoder.table.size).toBeLessThanOrEqual(4096);
    expect(reader.read(joined([indexed(62), indexed(100)]))).toEqual([
      "custom-key: 999",
      "custom-key: 961",
    ]);
  });
});

describe("fields that nobody wants", () => {
  test("take their places in the table, and no more", () => {
    const reader = new Reader(false, wantedNames([":path"]));
    expect(reader.read(joined([inserted("cookie", "secret"), inserted(4, "/a")]))).toEqual([
      ":path: /a",
    ]);
    expect(reader.read(joined([indexed(63), indexed(62), passing(63, "other")]))).toEqual([
      ":path: /a",
    ]);
    expect(reader.decoder.table.size).toBe(6 + 6 + 32 + 5 + 2 + 32);
    expect(reader.decoder.table.at(1)?.value).toBeUndefined();
  });

  test("text that is not ASCII is UTF-8", () => {
    const reader = new Reader();
    const value = new TextEncoder().encode("/ü");
    const bytes = joined([Uint8Array.of(0x04), integer(value.length, 7, 0), value]);
    expect(reader.read(bytes)).toEqual([":path: /ü"]);
    expect(ascii("a")).toHaveLength(1);
  });
});
