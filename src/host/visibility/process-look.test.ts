import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../../limits.ts";
import { blindSpotText } from "../../model/visibility.ts";
import { ConnectedSockets, connectedInodes } from "./connected-sockets.ts";
import { Observer } from "./observer.ts";
import { buildElf } from "./test-elf.ts";

// Compilers may wait for a processor that others use.
setDefaultTimeout(60_000);

const directory = mkdtempSync(join(tmpdir(), "olly-proc-"));
const program = join(directory, "program");
beforeAll(() => void buildElf(directory, "program"));
afterAll(() => rmSync(directory, { recursive: true }));

interface Crafted {
  readonly executable?: string;
  readonly maps?: string;
  readonly environ?: string;
  readonly descriptors?: readonly string[];
  readonly descriptorTable?: number;
  readonly auxv?: readonly (readonly [type: number, value: number])[];
  readonly stat?: string;
  readonly seccomp?: number;
}

let roots = 0;
/** /proc with one process, 42, and the one that looks. */
function craft(made: Crafted): string {
  const root = join(directory, `proc${roots++}`);
  for (const name of ["42", "self"]) {
    const own = join(root, name);
    mkdirSync(join(own, "fd"), { recursive: true });
    mkdirSync(join(own, "ns"));
    const fields = Array.from({ length: 50 }, (_, index) => `${index}`);
    fields[6] = "0"; // flags: no thread of the kernel's
    fields[19] = "777";
    fields[0] = "S";
    writeFileSync(join(own, "stat"), made.stat ?? `42 (a) b (c) ${fields.join(" ")}`);
    const seccomp = name === "self" ? 0 : (made.seccomp ?? 0);
    writeFileSync(
      join(own, "status"),
      `Name:\ta\nUid:\t1000\t0\t0\t0\nFDSize:\t${made.descriptorTable ?? 64}\nSeccomp:\t${seccomp}\n`,
    );
    writeFileSync(join(own, "maps"), made.maps ?? `1-2 r-xp 0 08:01 5 ${program}\n`);
    writeFileSync(join(own, "environ"), made.environ ?? "HOME=/\0");
    writeFileSync(join(own, "auxv"), auxv(made.auxv ?? [[23, 0]]));
    symlinkSync(made.executable ?? program, join(own, "exe"));
    symlinkSync("/", join(own, "root"));
    symlinkSync("mnt:[1]", join(own, "ns/mnt"));
    for (const [index, target] of (made.descriptors ?? []).entries()) {
      symlinkSync(target, join(own, "fd", `${index}`));
    }
  }
  return root;
}

function auxv(entries: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.alloc(entries.length * 16);
  for (const [index, [type, value]] of entries.entries()) {
    bytes.writeBigUInt64LE(BigInt(type), index * 16);
    bytes.writeBigUInt64LE(BigInt(value), index * 16 + 8);
  }
  return bytes;
}

function observe(made: Crafted) {
  const procRoot = craft(made);
  const observer = new Observer({
    libraryPath: "",
    agent: undefined,
    oneMoment: false,
    procRoot,
  });
  return observer.observe(42, { registered: false, confined: 0 });
}

function texts(made: Crafted): string[] | undefined {
  return observe(made)?.visibility.findings.map(blindSpotText);
}

describe("a crafted /proc", () => {
  test("an ordinary process has nothing that is not visible", () => {
    const observed = observe({});
    expect(observed?.visibility.findings).toEqual([]);
    expect(observed?.look).toMatchObject({ pid: 42, name: "a) b (c", uid: 1000, startTicks: 777 });
  });

  const cases: [what: string, made: Crafted, expected: string[]][] = [
    ["io_uring", { descriptors: ["/dev/null", "anon_inode:[io_uring]"] }, ["io_uring"]],
    ["no io_uring", { descriptors: ["anon_inode:[eventpoll]"] }, []],
    [
      "AT_SECURE",
      {
        auxv: [
          [6, 4096],
          [23, 1],
        ],
      },
      ["setuid, setgid or file capabilities"],
    ],
    ["auxv without it", { auxv: [[6, 4096]] }, ["privileges not readable"]],
    ["seccomp's strict mode", { seccomp: 1 }, ["seccomp (strict mode)"]],
    ["mappings that are hidden", { maps: "" }, ["mapped files not readable"]],
    [
      "an executable that is a script",
      { executable: import.meta.path },
      ["executable not understood"],
    ],
    ["one that has gone", { executable: "/nowhere/at all" }, ["executable not understood"]],
    ["one that is a device", { executable: "/dev/zero" }, ["executable not understood"]],
    [
      "a descriptor table that nobody would list",
      { descriptorTable: limits.processDescriptorsListedMax + 1 },
      ["descriptors not readable (too many)"],
    ],
    [
      "more descriptors than are looked at",
      { descriptors: Array(limits.processDescriptorsMax + 1).fill("/dev/null") },
      ["descriptors not readable (too many)"],
    ],
    [
      "an environment of which only the beginning is read",
      { environ: "A=".padEnd(limits.processFileBytesMax + 1, "x") },
      ["environment not readable (too large)"],
    ],
  ];
  test.each(cases)("%s", (_, made, expected) => {
    expect(texts(made)).toEqual(expected);
  });

  test("a module is searched when it is the file that is mapped", () => {
    const module = join(directory, "own.so");
    const marker = "/boringssl/src/ssl/ssl_lib.cc";
    copyFileSync(buildElf(directory, "module", { marker }), module);
    const line = (inode: number) => `1-2 r-xp 0 08:01 ${inode} ${module}\n`;
    const inode = statSync(module).ino;
    expect(texts({ maps: line(inode) })).toEqual(["TLS linked in (BoringSSL in own.so)"]);
    // Another file has taken its name since.
    expect(texts({ maps: line(inode + 1) })).toEqual(["module not searched whole (own.so)"]);
  });

  test("more shared objects than are looked into", () => {
    const line = (_: unknown, index: number) => `1-2 r-xp 0 08:01 5 /usr/lib/lib${index}.so\n`;
    const few = Array.from({ length: limits.processModulesMax }, line).join("");
    expect(texts({ maps: few })).toEqual([]);
    const expected = ["mapped files not readable (too many)"];
    expect(texts({ maps: `${few}1-2 r-xp 0 08:01 5 /usr/lib/more.so\n` })).toEqual(expected);
  });

  test("a process whose first thread alone has ended is one", () => {
    const fields = Array.from({ length: 50 }, () => "2");
    fields[0] = "Z";
    expect(observe({ stat: `42 (a) ${fields.join(" ")}` })?.look.startTicks).toBe(2);
  });

  test.each([
    ["a zombie", `42 (a) Z ${"1 ".repeat(40)}`],
    ["an empty line", ""],
    ["nonsense", "42"],
    ["a thread of the kernel", `42 (kworker) S 2 0 0 0 -1 ${0x00200000} ${"0 ".repeat(20)}`],
  ])("%s is no process", (_, stat) => {
    expect(observe({ stat })).toBeUndefined();
  });

  test("a process that ends while it is looked at gives nothing", () => {
    const procRoot = craft({});
    const observer = new Observer({
      libraryPath: "",
      agent: undefined,
      oneMoment: false,
      procRoot,
    });
    const { files } = observer;
    const link = files.link.bind(files);
    files.link = (path) => {
      if (path.endsWith("ns/mnt")) rmSync(join(procRoot, "42"), { recursive: true });
      return link(path);
    };
    expect(observer.observe(42, { registered: false, confined: 0 })).toBeUndefined();
  });
});

describe("this host", () => {
  test("its own process can be looked at; every other one is looked at or passed over", () => {
    const observer = new Observer({
      libraryPath: "",
      agent: undefined,
      oneMoment: false,
    });
    const own = observer.observe(process.pid, { registered: false, confined: 0 });
    expect(own?.look.pid).toBe(process.pid);
    expect(own?.visibility.hooking).toBe("not_hooked");
    for (const name of observer.files.names("") ?? []) {
      if (/^\d+$/.test(name)) observer.observe(Number(name), { registered: false, confined: 0 });
    }
    expect(observer.observe(2 ** 22 + 1, { registered: false, confined: 0 })).toBeUndefined();
  });
});

describe("connected sockets", () => {
  const row = (state: string, inode: string) =>
    `   0: 0100007F:1F90 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000  0 ${inode} 1 0\n`;

  test("are those that listen or are connected", () => {
    const table = `  sl  local_address\n${row("0A", "11")}${row("01", "12")}${row("06", "13")}`;
    expect(connectedInodes(table)).toEqual([11, 12]);
    expect(connectedInodes("")).toEqual([]);
    expect(connectedInodes("garbage\n0A\n\n")).toEqual([]);
  });

  test("are found network by network, and a table that is too long counts as one", () => {
    const procRoot = craft({});
    const own = join(procRoot, "42");
    mkdirSync(join(own, "net"));
    writeFileSync(join(own, "net/tcp"), `head\n${row("0A", "11")}`);
    const { files } = new Observer({
      libraryPath: "",
      agent: undefined,
      oneMoment: false,
      procRoot,
    });
    const sockets = new ConnectedSockets(files);
    expect(sockets.hasOne(42, [10, 11])).toBe(true);
    expect(sockets.hasOne(42, [10])).toBe(false);
    expect(sockets.hasOne(42, [])).toBe(false);
    writeFileSync(join(own, "net/tcp6"), "x".repeat(limits.socketTableBytesMax + 1));
    expect(sockets.hasOne(42, [10])).toBe(false);
    expect(new ConnectedSockets(files).hasOne(42, [10])).toBe(true);
  });
});
