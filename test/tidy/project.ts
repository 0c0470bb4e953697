/** What a folder must hold, how files are called, and what must not be left lying about. */
import {
  type House,
  isTestFile,
  lineAt,
  lineCount,
  type Rule,
  type TextFile,
  type Violation,
} from "./house.ts";

const kebabFile = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|gen|d))?\.ts$/;

function checkFileNames({ files }: House): Violation[] {
  return files.flatMap(({ path }) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (!/^(src|test|scripts)\/.*\.ts$/.test(path) || kebabFile.test(name)) return [];
    return [{ path, line: 1, message: "file name is not in kebab case" }];
  });
}

const protocolFiles = [
  "index.ts",
  "detect.ts",
  "parse.ts",
  "match.ts",
  "describe.ts",
  "README.md",
] as const;

/** What several protocols are made of. */
const sharedFolders: ReadonlySet<string> = new Set(["sql", "http"]);

const README_LINES_MAX = 40;
const LIST = "src/protocols/index.ts";

function checkProtocols({ files }: House): Violation[] {
  const folders = new Set<string>();
  for (const { path } of files) {
    const name = /^src\/protocols\/([^/]+)\//.exec(path)?.[1];
    if (name !== undefined && !sharedFolders.has(name)) folders.add(name);
  }
  const list = files.find(({ path }) => path === LIST)?.text ?? "";
  return [...folders].flatMap((name) => {
    const folder = `src/protocols/${name}/`;
    const own = files.filter(({ path }) => path.startsWith(folder));
    const messages = protocolFiles
      .filter((file) => !own.some(({ path }) => path === folder + file))
      .map((file) => `has no ${file}`);
    const has = (test: (file: TextFile) => boolean) => own.some(test);
    if (!has(({ path }) => path.startsWith(`${folder}fixtures/`))) messages.push("has no fixtures");
    const streamed = ({ path, text }: TextFile) =>
      path.endsWith(".test.ts") && text.includes("/stream-cases.ts");
    if (!has(streamed)) messages.push("has no test that runs the stream cases");
    if (!list.includes(`"./${name}/index.ts"`)) messages.push(`is not listed in ${LIST}`);
    const readme = own.find(({ path }) => path === `${folder}README.md`);
    if (readme !== undefined && lineCount(readme.text) > README_LINES_MAX) {
      messages.push(`README.md has more than ${README_LINES_MAX} lines`);
    }
    return messages.map((message) => ({ path: folder, line: 1, message }));
  });
}

/** The rules' own files and samples have to name what they forbid. */
const OWN_FOLDER = "test/tidy/";

const leftovers: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/g, "note to self"],
  [/\b(test|it|describe)\.(only|skip|todo)\(/g, "test that is switched off or on alone"],
  [/^\s*debugger;/gm, "debugger statement"],
  [/^(<{7}|>{7}) /gm, "merge conflict"],
];

/** A comment line that is a statement: it begins like one and ends like one. */
const deadCode = new RegExp(
  [
    /^\s*\/\/\s*/,
    /(const|let|var|return|if \(|for \(|while \(|import|export|await|throw|\}|[\w.]+\()/,
    /.*[;{]\s*$/,
  ]
    .map(({ source }) => source)
    .join(""),
  "gm",
);

function checkLeftovers({ files }: House): Violation[] {
  return files.flatMap(({ path, text }) => {
    if (path.startsWith(OWN_FOLDER)) return [];
    const patterns = /\.(ts|c|h)$/.test(path)
      ? [...leftovers, [deadCode, "commented-out code"] as const]
      : leftovers;
    return patterns.flatMap(([pattern, message]) =>
      Array.from(text.matchAll(pattern), (match) => ({
        path,
        line: lineAt(text, match.index + match[0].search(/\S/)),
        message,
      })),
    );
  });
}

const DROPS = "src/self/drops.ts";

function checkDropReasons({ files, sources }: House): Violation[] {
  const text = files.find(({ path }) => path === DROPS)?.text ?? "";
  const list = /dropReasons = \[([\s\S]*?)\]/.exec(text);
  if (list === null) return [];
  const product = sources.filter(
    ({ path, isTest }) => !isTest && path.startsWith("src/") && path !== DROPS,
  );
  return Array.from((list[1] ?? "").matchAll(/"(\w+)"/g)).flatMap(([quoted, reason = ""]) => {
    if (product.some((source) => source.text.includes(quoted))) return [];
    const line = lineAt(text, text.indexOf(quoted));
    return [{ path: DROPS, line, message: `${reason} is counted nowhere` }];
  });
}

/** Parsers of outside bytes have nearly as many lines of tests and fixtures as of code. */
const TEST_RATIO_MIN = 0.9;
export const ratioFolders = ["src/protocols/", "src/wire/"];

/** Lines of tests and fixtures for each line of code below the folder. */
export function testRatio({ files }: House, folder: string): number {
  let code = 0;
  let tests = 0;
  for (const { path, text } of files) {
    if (!path.startsWith(folder)) continue;
    if (isTestFile(path)) tests += lineCount(text);
    else if (path.endsWith(".ts")) code += lineCount(text);
  }
  return code === 0 ? TEST_RATIO_MIN : tests / code;
}

function checkTestRatio(house: House): Violation[] {
  return ratioFolders.flatMap((folder) => {
    const ratio = testRatio(house, folder);
    if (ratio >= TEST_RATIO_MIN) return [];
    const message = `${ratio.toFixed(2)} lines of tests for a line of code, not ${TEST_RATIO_MIN}`;
    return [{ path: folder, line: 1, message }];
  });
}

export const projectRules: readonly Rule[] = [
  { name: "file-name", check: checkFileNames },
  { name: "protocol-folder", check: checkProtocols },
  { name: "leftover", check: checkLeftovers },
  { name: "drop-reason", check: checkDropReasons },
  { name: "test-ratio", check: checkTestRatio },
];
