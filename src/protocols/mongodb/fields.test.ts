/** What is read of commands and answers, table by table. */
import { expect, describe as suite, test } from "bun:test";
import { deflateSync } from "node:zlib";
import { uncompressed } from "./body.ts";
import { BsonReader } from "./bson.ts";
import { commandOf } from "./commands.ts";
import { Opcode } from "./messages.ts";
import { replyOf } from "./replies.ts";
import {
  cstring,
  Double,
  document,
  type Fields,
  int32,
  joined,
  sequence,
} from "./test-messages.ts";

function bodyOf(opcode: number, bytes: Uint8Array, seen = bytes.length) {
  return { opcode, bytes, start: 0, end: bytes.length, seen };
}

function message(fields: Fields, ...sections: readonly Uint8Array[]) {
  return joined(int32(0), Uint8Array.of(0), document(fields), ...sections);
}

function asked(fields: Fields, ...sections: readonly Uint8Array[]) {
  const { operation, namespace, collection, statements } = commandOf(
    bodyOf(Opcode.message, message(fields, ...sections)),
  );
  return [operation, namespace, collection, statements];
}

const SECRET = "hunter2";

suite("commands", () => {
  const cases: readonly (readonly [Fields, ReturnType<typeof asked>])[] = [
    [{ find: "orders", filter: { a: 1 }, $db: "shop" }, ["find", "shop", "orders", undefined]],
    [{ $db: "shop" }, [undefined, undefined, undefined, undefined]],
    [{ aggregate: 1, pipeline: [], $db: "admin" }, ["aggregate", "admin", undefined, undefined]],
    [{ getMore: 7n, collection: "orders", $db: "shop" }, ["getMore", "shop", "orders", undefined]],
    [{ find: "a", collection: "b", $db: "shop" }, ["find", "shop", "a", undefined]],
    [{ insert: "a", documents: [{}, {}], $db: "shop" }, ["insert", "shop", "a", 2]],
    [{ update: "a", updates: [{}], $db: "shop" }, ["update", "shop", "a", 1]],
    [{ delete: "a", deletes: [], $db: "shop" }, ["delete", "shop", "a", 0]],
    [{ explain: { find: "a" }, $db: "shop" }, ["explain", "shop", "a", undefined]],
    [{ explain: { createUser: SECRET }, $db: "x" }, ["explain", "x", undefined, undefined]],
    [{ createUser: SECRET, pwd: SECRET, $db: "x" }, ["createUser", "x", undefined, undefined]],
    [{ saslStart: 1, payload: SECRET, $db: "x" }, ["saslStart", "x", undefined, undefined]],
    [{ authenticate: 1, user: SECRET, $db: "x" }, ["authenticate", "x", undefined, undefined]],
    [
      { bulkWrite: 1, ops: [{}, {}, {}], nsInfo: [{ ns: "shop.orders" }], $db: "admin" },
      ["bulkWrite", "admin", "orders", 3],
    ],
    [
      { bulkWrite: 1, ops: [{}], nsInfo: [{ ns: "a.b" }, { ns: "a.c" }], $db: "admin" },
      ["bulkWrite", "admin", undefined, 1],
    ],
    [
      { renameCollection: "shop.a.b", $db: "admin" },
      ["renameCollection", "admin", "a.b", undefined],
    ],
    [{ "no name": 1, $db: "shop" }, [undefined, "shop", undefined, undefined]],
    [{ find: "x".repeat(300), $db: "y".repeat(300) }, ["find", undefined, undefined, undefined]],
  ];
  test.each(cases.map((it) => [Object.keys(it[0]).join(" "), it] as const))("%s", (_, it) => {
    const [fields, expected] = it;
    expect(asked(fields)).toEqual(expected);
  });

  test("documents in a section of their own, before or behind the command", () => {
    const documents = sequence("documents", [{ a: 1 }, { b: SECRET }, {}]);
    expect(asked({ insert: "a", $db: "shop" }, documents)).toEqual(["insert", "shop", "a", 3]);
    const bytes = joined(
      ...[int32(0), documents, Uint8Array.of(0)],
      document({ insert: "a", $db: "shop" }),
    );
    const { operation, statements } = commandOf(bodyOf(Opcode.message, bytes));
    expect([operation, statements]).toEqual(["insert", 3]);
    const space = sequence("nsInfo", [{ ns: "shop.orders" }]);
    const ops = sequence("ops", [{}, {}]);
    expect(asked({ bulkWrite: 1, $db: "admin" }, ops, space)).toEqual([
      ...["bulkWrite", "admin", "orders", 2],
    ]);
  });

  test("a checksum is no section, and a section with a wrong length is none", () => {
    const bytes = joined(int32(1), Uint8Array.of(0), document({ ping: 1, $db: "a" }), int32(-1));
    expect(commandOf(bodyOf(Opcode.message, bytes))).toMatchObject({ operation: "ping" });
    for (const size of [-1, 0, 3, 1000, 0x7fffffff]) {
      const wrong = joined(message({ ping: 1 }), Uint8Array.of(1), int32(size), cstring("ops"));
      expect(commandOf(bodyOf(Opcode.message, wrong)).statements).toBeUndefined();
    }
  });

  test("what is not there is not told", () => {
    const bytes = message({ insert: "a", documents: [{ a: "x".repeat(99) }, {}], $db: "shop" });
    const cut = commandOf(bodyOf(Opcode.message, bytes, 60));
    expect(cut).toMatchObject({ operation: "insert", collection: "a", namespace: undefined });
    expect(cut.statements).toBeUndefined();
  });

  test("the name of the application, of a hello only", () => {
    const client = { driver: { name: "x" }, application: { name: "shop-app" } };
    const hello = commandOf(bodyOf(Opcode.message, message({ hello: 1, client, $db: "admin" })));
    expect(hello.applicationName).toBe("shop-app");
    const other = commandOf(bodyOf(Opcode.message, message({ ping: 1, client, $db: "admin" })));
    expect(other.applicationName).toBeUndefined();
  });

  test("a command in OP_QUERY, also beside a read preference", () => {
    const head = joined(int32(0), cstring("shop.$cmd"), int32(0), int32(-1));
    for (const command of [{ count: "a" }, { $query: { count: "a" }, $readPreference: {} }]) {
      const body = bodyOf(Opcode.query, joined(head, document(command)));
      expect(commandOf(body)).toMatchObject({
        operation: "count",
        namespace: "shop",
        collection: "a",
        forDocuments: false,
      });
    }
  });

  test("no type of value stops the walk", () => {
    const odd = joined(
      ...[Uint8Array.of(0x0b), cstring("r"), cstring("^a"), cstring("i")],
      ...[Uint8Array.of(0x05), cstring("b"), int32(2), Uint8Array.of(0, 1, 2)],
      ...[Uint8Array.of(0x07), cstring("o"), new Uint8Array(12)],
      ...[Uint8Array.of(0x0c), cstring("p"), int32(2), cstring("a"), new Uint8Array(12)],
      ...[Uint8Array.of(0x0f), cstring("c"), int32(14), new Uint8Array(10)],
      ...[Uint8Array.of(0x13), cstring("d"), new Uint8Array(16)],
      ...[Uint8Array.of(0xff), cstring("m"), Uint8Array.of(0x10), cstring("z"), int32(7)],
    );
    const bytes = joined(int32(odd.length + 5), odd, Uint8Array.of(0));
    const reader = new BsonReader();
    expect(reader.open(bytes, 0, { end: bytes.length, seen: bytes.length })).toBe(true);
    while (reader.next()) if (reader.keyIs("z")) expect(reader.number()).toBe(7);
    expect([reader.count, reader.complete]).toEqual([8, true]);
  });
});

function told(fields: Fields) {
  const { code, failed, returned, affected } = replyOf(bodyOf(Opcode.message, message(fields)));
  return [failed, code, returned, affected];
}

suite("answers", () => {
  const cursor = { firstBatch: [{ a: 1 }, { code: 5 }], id: 0n, ns: "shop.a" };
  const cases: readonly (readonly [Fields, ReturnType<typeof told>])[] = [
    [{ ok: new Double(1) }, [false, undefined, undefined, undefined]],
    [{ ok: 1, n: 3 }, [false, undefined, undefined, 3]],
    [{ ok: true, n: new Double(4) }, [false, undefined, undefined, 4]],
    [{ ok: new Double(0), code: 11, errmsg: SECRET }, [true, 11, undefined, undefined]],
    [{ ok: 0 }, [true, undefined, undefined, undefined]],
    [{ ok: false, code: 11n }, [true, 11, undefined, undefined]],
    [{ ok: 1, code: 5 }, [false, undefined, undefined, undefined]],
    [{ cursor, ok: 1 }, [false, undefined, 2, undefined]],
    [{ cursor: { nextBatch: [], id: 5n }, ok: 1 }, [false, undefined, 0, undefined]],
    [{ n: 0, writeErrors: [{ index: 0, code: 121 }], ok: 1 }, [true, 121, undefined, 0]],
    [{ n: 1, writeConcernError: { code: 64 }, ok: 1 }, [true, 64, undefined, 1]],
    [
      { cursor: { firstBatch: [{ ok: 1 }, { ok: 0, code: 11000 }] }, nErrors: 1, nInserted: 1 },
      [true, 11000, 2, 1],
    ],
    [{ nMatched: 2, nModified: 1, nDeleted: 3, nUpserted: 4 }, [false, undefined, undefined, 9]],
  ];
  test.each(cases.map((it) => [Object.keys(it[0]).join(" "), it] as const))("%s", (_, it) => {
    const [fields, expected] = it;
    expect(told(fields)).toEqual(expected);
  });

  test("OP_REPLY tells by its header what its documents may not", () => {
    const head = joined(int32(2), new Uint8Array(8), int32(0), int32(1));
    const failed = bodyOf(Opcode.reply, joined(head, document({ $err: SECRET, code: 96 })));
    expect(replyOf(failed).header).toMatchObject({ failed: true, code: 96 });
    const gone = bodyOf(Opcode.reply, joined(int32(1), new Uint8Array(16)));
    expect(replyOf(gone).header).toMatchObject({ failed: true, code: 43, returned: 0 });
  });
});

suite("compressed messages", () => {
  const inside = message({ find: "orders", $db: "shop" });
  const wrapped = (compressor: number, size: number, bytes: Uint8Array) =>
    bodyOf(
      Opcode.compressed,
      joined(int32(Opcode.message), int32(size), Uint8Array.of(compressor), bytes),
    );

  test("no compressor, and zlib", () => {
    for (const body of [
      wrapped(0, inside.length, inside),
      wrapped(2, inside.length, deflateSync(inside)),
    ]) {
      const out = uncompressed(body);
      expect(out === undefined ? out : commandOf(out)).toMatchObject({ collection: "orders" });
    }
  });

  test("a size that is not true, and an unknown compressor", () => {
    const packed = deflateSync(inside);
    for (const body of [
      ...[-1, 3, inside.length + 1, 2 ** 31 - 1].map((size) => wrapped(2, size, packed)),
      ...[wrapped(9, inside.length, packed), wrapped(1, inside.length, packed)],
      ...[wrapped(3, inside.length, packed), wrapped(2, inside.length, new Uint8Array(40))],
    ]) {
      expect(uncompressed(body)).toBeUndefined();
    }
  });

  test("what claims to be small takes no more memory than that", () => {
    const bomb = deflateSync(new Uint8Array(20_000_000));
    expect(uncompressed(wrapped(2, 1000, bomb))).toBeUndefined();
    expect(uncompressed(wrapped(2, 20_000_000, bomb))?.seen ?? 0).toBeLessThanOrEqual(1 << 20);
  });
});
