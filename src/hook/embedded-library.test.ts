import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  findLibraryDirectory,
  isNoexec,
  libraryDirectories,
  placeLibrary,
  whyUnusable,
} from "./embedded-library.ts";
import { ownUid } from "./hook-directory.ts";
import { HookSetupError } from "./setup-error.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "olly-library-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function mkdir(path: string): string {
  mkdirSync(path);
  return path;
}

const library = new Uint8Array(Buffer.from("\x7fELF one"));

describe("placing the library", () => {
  test("its name states its content, everyone may load it, no draft is left", () => {
    const path = placeLibrary(library, directory);
    expect(path).toBe(join(directory, `libolly-${digest}.so`));
    expect(new Uint8Array(readFileSync(path))).toEqual(library);
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  test("the right file is not touched again", () => {
    const path = placeLibrary(library, directory);
    utimesSync(path, 1, 1);
    const { ino, mtimeMs, ctimeMs } = statSync(path);
    expect(placeLibrary(library, directory)).toBe(path);
    expect(statSync(path)).toMatchObject({ ino, mtimeMs, ctimeMs });
  });

  test("a damaged file is replaced by a new one, never written over", () => {
    const path = placeLibrary(library, directory);
    writeFileSync(path, Buffer.from("\x7fELF two"));
    const { ino } = statSync(path);
    placeLibrary(library, directory);
    expect(new Uint8Array(readFileSync(path))).toEqual(library);
    expect(statSync(path).ino).not.toBe(ino);
  });

  test("other content gets another name", () => {
    const other = placeLibrary(new Uint8Array(Buffer.from("\x7fELF two")), directory);
    expect(other).not.toBe(placeLibrary(library, directory));
  });

  test("a directory that is missing is one line", () => {
    expect(() => placeLibrary(library, join(directory, "none"))).toThrow(/^cannot write [^\n]+$/);
  });
});

const digest = new Bun.CryptoHasher("sha256").update(library).digest("hex").slice(0, 16);

describe("where the library goes", () => {
  const cases: readonly [string, number, Record<string, string>, string[]][] = [
    ["root", 0, { HOME: "/root" }, ["/var/cache/olly", "/var/tmp/olly-0"]],
    ["a user", 7, { HOME: "/home/a" }, ["/home/a/.cache/olly", "/var/tmp/olly-7"]],
    [
      "a user with a cache of their own",
      7,
      { HOME: "/home/a", XDG_CACHE_HOME: "/c" },
      ["/c/olly", "/var/tmp/olly-7"],
    ],
    ["relative variables are ignored", 7, { XDG_CACHE_HOME: "c" }, ["/var/tmp/olly-7"]],
    ["nothing set", 7, {}, ["/var/tmp/olly-7"]],
  ];
  for (const [name, uid, env, expected] of cases) {
    test(name, () => expect(libraryDirectories(uid, env)).toEqual(expected));
  }

  test("the first that can be used is created", () => {
    const uid = ownUid() === 0 ? 4321 : ownUid();
    const cache = join(directory, "cache");
    mkdirSync(join(cache, "olly"), { recursive: true });
    if (ownUid() === 0) chownSync(join(cache, "olly"), uid, uid);
    expect(findLibraryDirectory(uid, { XDG_CACHE_HOME: cache })).toBe(join(cache, "olly"));
  });

  const unusable: readonly [string, (path: string) => void, string][] = [
    ["a file in its place", (path) => writeFileSync(path, ""), "it exists already"],
    ["a link", (path) => symlinkSync("/usr", path), "not a directory"],
    ["writable by others", (path) => chmodSync(mkdir(path), 0o777), "others may write"],
  ];
  for (const [name, prepare, reason] of unusable) {
    test(name, () => {
      const path = join(directory, "d");
      prepare(path);
      expect(whyUnusable(path, ownUid())).toStartWith(reason);
    });
  }

  test("another user's directory", () => {
    expect(whyUnusable(directory, ownUid() + 1)).toBe("belongs to another user");
  });

  test("a name that LD_PRELOAD would split", () => {
    for (const name of ["a b", "a:b", "$LIB"]) {
      expect(whyUnusable(join(directory, name), ownUid())).toContain("LD_PRELOAD");
    }
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a directory of our own is fine", () => {
    expect(whyUnusable(join(directory, "new", "er"), ownUid())).toBeUndefined();
  });

  test("none can be used: one line with every reason", () => {
    const uid = 987_654_321;
    const attempt = () => findLibraryDirectory(uid, { XDG_CACHE_HOME: join(directory, "a b") });
    if (ownUid() === 0) {
      expect(attempt).toThrow(HookSetupError);
      expect(attempt).toThrow(/^no directory [^\n]+LD_PRELOAD[^\n]+belongs to another user\)$/);
    }
    rmSync(`/var/tmp/olly-${uid}`, { recursive: true, force: true });
  });
});

describe("noexec mounts", () => {
  const mounts = [
    "rootfs / ext4 rw,relatime 0 0",
    "tmpfs /tmp tmpfs rw,nosuid,noexec 0 0",
    "tmpfs /tmp/exec tmpfs rw 0 0",
    "/dev/sdb /mnt/with\\040space ext4 rw,noexec 0 0",
    "tmpfs /twice tmpfs rw,noexec 0 0",
    "tmpfs /twice tmpfs rw 0 0",
    "",
  ].join("\n");
  const cases: readonly [string, boolean][] = [
    ["/home/a", false],
    ["/tmp/olly", true],
    ["/tmp", true],
    ["/tmpx", false],
    ["/tmp/exec/olly", false],
    ["/mnt/with space/olly", true],
    ["/twice/olly", false],
  ];
  for (const [path, noexec] of cases) {
    test(path, () => expect(isNoexec(path, mounts)).toBe(noexec));
  }
});
