import { expect, test } from "bun:test";
import { parseMappings } from "./mappings.ts";
import { parseEnvironment } from "./process-environment.ts";

const maps = `55d0-55d1 r--p 00000000 08:01 11                         /usr/bin/with space
55d1-55d9 r-xp 00001000 08:01 11                         /usr/bin/with space
7f00-7f01 rw-p 00000000 00:00 0                          [heap]
7f01-7f02 rw-p 00000000 00:00 0                          [anon:a/b]
7f02-7f03 r--s 00000000 00:17 12                         /run/olly/control
7f03-7f04 r-xp 00000000 08:01 13                         /opt/old.so (deleted)
7f04-7f05 rw-p 00000000 00:00 0
`;

test("each mapped file is there once", () => {
  const { files, cut } = parseMappings(maps, false);
  expect(cut).toBe(false);
  expect(files).toEqual([
    {
      path: "/usr/bin/with space",
      device: "08:01",
      inode: 11,
      range: "55d0-55d1",
      deleted: false,
      executable: true,
      sharedReadOnly: false,
    },
    {
      path: "/run/olly/control",
      device: "00:17",
      inode: 12,
      range: "7f02-7f03",
      deleted: false,
      executable: false,
      sharedReadOnly: true,
    },
    {
      path: "/opt/old.so",
      device: "08:01",
      inode: 13,
      range: "7f03-7f04",
      deleted: true,
      executable: true,
      sharedReadOnly: false,
    },
  ]);
});

test("a text that was cut anywhere gives whole lines only", () => {
  for (let length = 0; length < maps.length; length++) {
    for (const { path } of parseMappings(maps.slice(0, length), true).files) {
      expect(["/usr/bin/with space", "/run/olly/control", "/opt/old.so"]).toContain(path);
    }
  }
});

test("an environment: the few variables that matter, the first of two", () => {
  const text = [
    "LD_PRELOAD=/a/libolly-0123456789abcdef.so:/usr/lib/other.so liblast.so",
    "LD_PRELOAD=/second.so",
    "SECRET=x",
    "OLLY_CONTROL=/run/olly/control",
    "=odd",
    "nothing",
    "",
  ].join("\0");
  expect(parseEnvironment(text, false)).toEqual({
    ownLibrary: "/a/libolly-0123456789abcdef.so",
    otherPreloads: ["/usr/lib/other.so", "liblast.so"],
    disabled: false,
    controlPath: "/run/olly/control",
    socketPath: "",
    cut: false,
  });
});
