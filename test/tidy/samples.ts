/** Small made-up projects that break one rule each, so that every rule is seen to fail. */
import type { SampleFiles } from "./house.ts";

export interface Sample {
  readonly rule: string;
  readonly name: string;
  readonly files: SampleFiles;
  /** path:line of every violation; none for a project that keeps the rule. */
  readonly expected: readonly string[];
}

const lines = (count: number, line = "x;") => `${line}\n`.repeat(count);

const protocol: SampleFiles = {
  "src/protocols/index.ts": 'import { a } from "./a/index.ts";\nexport const list = [a];\n',
  "src/protocols/a/index.ts": "export const a = 1;\n",
  "src/protocols/a/detect.ts": "export const b = 1;\n",
  "src/protocols/a/parse.ts": "export const c = 1;\n",
  "src/protocols/a/match.ts": "export const d = 1;\n",
  "src/protocols/a/describe.ts": "export const e = 1;\n",
  "src/protocols/a/README.md": "# a\n",
  "src/protocols/a/fixtures/one.md": "one\n",
  "src/protocols/a/a.test.ts": 'import "../../../test/harness/stream-cases.ts";\n',
};

function without(files: SampleFiles, ...paths: readonly string[]): SampleFiles {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !paths.includes(path)));
}

const importSamples: readonly Sample[] = [
  {
    rule: "imports",
    name: "a stage that imports another",
    files: {
      "src/wire/a.ts": '/** A. */\nimport { b } from "../streams/b.ts";\nexport const a = b;\n',
      "src/streams/b.ts": "export const b = 1;\n",
    },
    expected: ["src/wire/a.ts:2"],
  },
  {
    rule: "imports",
    name: "the declared edge, shared areas and type-only edges",
    files: {
      "src/connections/a.ts":
        'import { b } from "../streams/b.ts";\nimport { limits } from "../limits.ts";\nexport const a = [b, limits];\n',
      "src/streams/b.ts": "export const b = 1;\n",
      "src/limits.ts": "export const limits = 1;\n",
      "src/lib/c.ts":
        '/** C. */\nimport type { M } from "../model/m.ts";\nexport const c: M = 1;\n',
      "src/export/d.ts": 'import { type M } from "../config/m.ts";\nexport const d: M = 1;\n',
      "src/model/m.ts": "export type M = number;\n",
      "src/config/m.ts": "export type M = number;\n",
    },
    expected: [],
  },
  {
    rule: "imports",
    name: "values where only types may be taken, and re-exports",
    files: {
      "src/lib/c.ts": 'import { m } from "../model/m.ts";\nexport const c = m;\n',
      "src/model/m.ts": "export const m = 1;\n",
      "src/semconv/s.ts": 'export { m } from "../model/m.ts";\n',
      "src/self/t.ts": 'export const load = () => import("../export/e.ts");\n',
      "src/export/e.ts": "export const e = 1;\n",
    },
    expected: ["src/lib/c.ts:1", "src/self/t.ts:1", "src/semconv/s.ts:1"],
  },
  {
    rule: "imports",
    name: "protocols that know each other, the clock's users or the agent",
    files: {
      "src/protocols/a/x.ts": 'import { b } from "../b/index.ts";\nexport const a = b;\n',
      "src/protocols/b/index.ts": 'import { d } from "../../self/d.ts";\nexport const b = d;\n',
      "src/protocols/contract.ts": 'import { b } from "./b/index.ts";\nexport const c = b;\n',
      "src/protocols/a/y.ts": 'import { o } from "../doubt.ts";\nexport const y = o;\n',
      "src/protocols/doubt.ts": 'import { b } from "./b/index.ts";\nexport const o = b;\n',
      "src/self/d.ts": 'import { agent } from "../agent.ts";\nexport const d = agent;\n',
      "src/agent.ts": "export const agent = 1;\n",
    },
    expected: [
      "src/protocols/a/x.ts:1",
      "src/protocols/b/index.ts:1",
      "src/protocols/contract.ts:1",
      "src/protocols/doubt.ts:1",
      "src/self/d.ts:1",
    ],
  },
  {
    rule: "imports",
    name: "native calls and packages in the wrong place",
    files: {
      "src/export/a.ts": 'import { dlopen } from "bun:ffi";\nexport const a = dlopen;\n',
      "src/hook/b.ts": 'import { dlopen } from "bun:ffi";\nexport const b = dlopen;\n',
      "src/streams/c.ts":
        'import { readFileSync } from "node:fs";\nexport const c = readFileSync;\n',
      "src/attic/d.ts": 'import { b } from "../hook/b.ts";\nexport const d = b;\n',
    },
    expected: ["src/attic/d.ts:1", "src/export/a.ts:1", "src/streams/c.ts:1"],
  },
  {
    rule: "import-cycle",
    name: "a cycle of three",
    files: {
      "src/lib/a.ts": 'import { b } from "./b.ts";\nexport const a = b;\n',
      "src/lib/b.ts": 'import { c } from "./c.ts";\nexport const b = c;\n',
      "src/lib/c.ts": 'export const x = 1;\nimport { a } from "./a.ts";\nexport const c = a;\n',
    },
    expected: ["src/lib/c.ts:2"],
  },
  {
    rule: "import-cycle",
    name: "a diamond is no cycle",
    files: {
      "src/lib/a.ts": 'import "./b.ts";\nimport "./c.ts";\n',
      "src/lib/b.ts": 'import "./d.ts";\n',
      "src/lib/c.ts": 'import "./d.ts";\n',
      "src/lib/d.ts": "export const d = 1;\n",
    },
    expected: [],
  },
];

const sizeSamples: readonly Sample[] = [
  {
    rule: "file-length",
    name: "a file of 501 lines, and one of 500",
    files: {
      "src/lib/a.ts": lines(501),
      "src/lib/b.ts": lines(500),
      "libolly/src/c.c": lines(501),
    },
    expected: ["libolly/src/c.c:501", "src/lib/a.ts:501"],
  },
  {
    rule: "file-length",
    name: "fixtures may be long",
    files: { "src/protocols/a/fixtures/a.ts": lines(501) },
    expected: [],
  },
  {
    rule: "line-width",
    name: "a line of 101 characters, and one of 100",
    files: { "src/a.ts": `//\n// ${"a".repeat(98)}\n// ${"a".repeat(97)}\n` },
    expected: ["src/a.ts:2"],
  },
  {
    rule: "function-length",
    name: "functions, methods, constructors and arrows of 71 lines",
    files: {
      "src/a.ts": `/** Doc. */\nexport function a() {\n${lines(69)}}\n`,
      "src/b.ts": `export class B {\n  constructor() {\n${lines(69)}  }\n  c() {\n${lines(69)}  }\n}\n`,
      "src/d.ts": `export const d = () => {\n${lines(69)}};\n`,
      "src/e.ts": `export function e() {\n${lines(68)}}\n`,
      "src/f.test.ts": `export function f() {\n${lines(69)}}\n`,
    },
    expected: ["src/a.ts:2", "src/b.ts:2", "src/b.ts:73", "src/d.ts:1"],
  },
  {
    rule: "parameters",
    name: "five parameters",
    files: {
      "src/a.ts":
        "export function a(b: 1, c: 1, d: 1, e: 1, f: 1) {}\nexport function g(b: 1, c: 1, d: 1, e: 1) {}\n",
    },
    expected: ["src/a.ts:1"],
  },
  {
    rule: "c-function-length",
    name: "a C function of 71 lines behind a table, a struct and braces in text",
    files: {
      "libolly/src/a.c": [
        '#define X(a) { a; \\\n  {\nstatic const char *t[] = { "{", f(1) };',
        "struct s {\n  int a; /* { */\n};",
        "static int g(int a)\n{\n  return '{';\n}",
        `int f(void) {\n${lines(69)}}\n`,
      ].join("\n"),
    },
    expected: ["libolly/src/a.c:11"],
  },
];

const languageSamples: readonly Sample[] = [
  {
    rule: "types",
    name: "any, double casts and non-null assertions",
    files: {
      "src/a.ts":
        "export let a: any;\nexport const b = a as unknown as string;\nexport const c = a!.x;\nexport const d = a as string;\n",
      "src/b.test.ts": "export let a: any;\n",
    },
    expected: ["src/a.ts:1", "src/a.ts:2", "src/a.ts:3"],
  },
  {
    rule: "throw",
    name: "a throw where bytes are read, and one where they are not",
    files: {
      "src/wire/a.ts": "export function a() {\n  throw 1;\n}\n",
      "src/protocols/x/b.ts": "export const b = () => {\n  if (b) throw 1;\n};\n",
      "src/config/c.ts": "export function c() {\n  throw 1;\n}\n",
    },
    expected: ["src/protocols/x/b.ts:2", "src/wire/a.ts:2"],
  },
  {
    rule: "exports",
    name: "default exports, but not a switch's default",
    files: {
      "src/a.ts": "const a = 1;\nexport default a;\n",
      "src/b.ts": "export default function b() {}\n",
      "src/c.ts": "export function c(x: number) {\n  switch (x) {\n    default:\n  }\n}\n",
    },
    expected: ["src/a.ts:2", "src/b.ts:1"],
  },
  {
    rule: "ambient",
    name: "time, randomness, console and environment",
    files: {
      "src/signals/a.ts":
        "export const a = Date.now();\nexport const b = Math.random();\nconsole.log(a);\nexport const c = process.env.X;\nexport const d = new Date();\nexport const e = new Date(5);\nexport const f = Date.now;\n",
      "src/lib/clock.ts": "export const a = Date.now();\n",
      "src/lib/ids.ts":
        "export const a = crypto.getRandomValues(1);\nexport const b = Date.now();\n",
      "src/commands/run.ts": "console.log(process.env);\n",
    },
    expected: [
      "src/lib/ids.ts:2",
      "src/signals/a.ts:1",
      "src/signals/a.ts:2",
      "src/signals/a.ts:3",
      "src/signals/a.ts:4",
      "src/signals/a.ts:5",
      "src/signals/a.ts:7",
    ],
  },
];

const projectSamples: readonly Sample[] = [
  {
    rule: "file-name",
    name: "names that are not in kebab case",
    files: {
      "src/fooBar.ts": "",
      "src/foo_bar.ts": "",
      "src/foo-bar.test.ts": "",
      "src/a.d.ts": "",
    },
    expected: ["src/fooBar.ts:1", "src/foo_bar.ts:1"],
  },
  { rule: "protocol-folder", name: "a whole protocol", files: protocol, expected: [] },
  ...Object.keys(protocol).flatMap((path): Sample[] =>
    path === "src/protocols/a/README.md" || path.startsWith("src/protocols/a/")
      ? [
          {
            rule: "protocol-folder",
            name: `a protocol without ${path}`,
            files: without(protocol, path),
            expected: ["src/protocols/a/:1"],
          },
        ]
      : [],
  ),
  {
    rule: "protocol-folder",
    name: "a protocol that is not listed, with a long README",
    files: {
      ...protocol,
      "src/protocols/index.ts": "export const list = [];\n",
      "src/protocols/a/README.md": lines(41),
    },
    expected: ["src/protocols/a/:1", "src/protocols/a/:1"],
  },
  {
    rule: "leftover",
    name: "notes, switched tests and dead code",
    files: {
      "src/a.ts": "// TODO later\n// const a = 1;\n// A sentence with a; semicolon inside.\n",
      "src/b.test.ts": "test.only(1);\ntest(2);\ndebugger;\n",
    },
    expected: ["src/a.ts:1", "src/a.ts:2", "src/b.test.ts:1", "src/b.test.ts:3"],
  },
  {
    rule: "drop-reason",
    name: "a reason that only a test counts",
    files: {
      "src/self/drops.ts": 'export const dropReasons = [\n  "one",\n  "two",\n] as const;\n',
      "src/wire/a.ts": 'export const a = "one";\n',
      "src/wire/a.test.ts": 'export const a = "two";\n',
    },
    expected: ["src/self/drops.ts:3"],
  },
  {
    rule: "test-ratio",
    name: "too few tests, and just enough of them",
    files: {
      "src/wire/a.ts": lines(10),
      "src/wire/a.test.ts": lines(8),
      "src/protocols/x/a.ts": lines(10),
      "src/protocols/x/a.test.ts": lines(5),
      "src/protocols/x/fixtures/a.md": lines(4),
    },
    expected: ["src/wire/:1"],
  },
];

export const samples: readonly Sample[] = [
  ...importSamples,
  ...sizeSamples,
  ...languageSamples,
  ...projectSamples,
];
