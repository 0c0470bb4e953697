/**
 * What the tidy rules look at: every text file of the project, and the syntax tree of every
 * TypeScript file, as the compiler itself parses it. Invariant: paths are relative to the root of
 * what was read and use "/".
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Node, SourceFile } from "typescript/unstable/ast";
import { API } from "typescript/unstable/async";

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface SourceCode extends TextFile {
  readonly tree: SourceFile;
  /** Tests and what only tests use may do more than the product. */
  readonly isTest: boolean;
}

export interface House {
  readonly files: readonly TextFile[];
  readonly sources: readonly SourceCode[];
}

export interface Violation {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface Rule {
  readonly name: string;
  readonly check: (house: House) => Violation[];
}

/** A violation as editors understand it. */
export function described({ path, line, message }: Violation): string {
  return `${path}:${line} ${message}`;
}

export function lineCount(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** Calls `visit` for the node and everything below it. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

const textEnding = /(\.(ts|c|h|md|json|ya?ml|proto|map|service|sh|py|js|conf|html|txt)|Makefile)$/;
const skippedFolders: ReadonlySet<string> = new Set(["node_modules", "dist", "build", "gen"]);
const GENERATED_FILE = "package-lock.json";

function textFilesBelow(root: string, folder: string): TextFile[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  entries.sort((first, second) => (first.name < second.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const skipped = skippedFolders.has(entry.name) || entry.name === ".git";
      return skipped ? [] : textFilesBelow(root, path);
    }
    if (!textEnding.test(entry.name) || entry.name === GENERATED_FILE) return [];
    return [{ path: relative(root, path), text: readFileSync(path, "utf8") }];
  });
}

/** Tests, what only they use (test-*.ts), and fixtures. */
export function isTestFile(path: string): boolean {
  return path.startsWith("test/") || /\/test-[^/]*\.ts$|\.test\.ts$|\/fixtures\//.test(path);
}

/** Reads the project below `root`, whose tsconfig.json names its TypeScript files. */
export async function readHouse(root: string): Promise<House> {
  const files = textFilesBelow(root, root);
  const api = new API({ cwd: root });
  try {
    const config = join(root, "tsconfig.json");
    const snapshot = await api.updateSnapshot({ openProjects: [config] });
    const program = snapshot.getProject(config)?.program;
    if (program === undefined) throw new Error(`no project in ${config}`);
    const sources: SourceCode[] = [];
    for (const file of files) {
      if (!file.path.endsWith(".ts") || file.path.endsWith(".d.ts")) continue;
      const tree = await program.getSourceFile(join(root, file.path));
      if (tree === undefined) throw new Error(`${file.path} is not part of ${config}`);
      sources.push({ path: file.path, text: file.text, tree, isTest: isTestFile(file.path) });
    }
    return { files, sources };
  } finally {
    await api.close();
  }
}

/** Files of a small made-up project: path → text. */
export type SampleFiles = Readonly<Record<string, string>>;

const sampleConfig = {
  compilerOptions: {
    noLib: true,
    types: [],
    noEmit: true,
    moduleDetection: "force",
    allowImportingTsExtensions: true,
  },
  include: ["."],
};

/** Reads made-up projects, each as a house of its own; they are parsed together. */
export async function readSamples(samples: readonly SampleFiles[]): Promise<House[]> {
  const root = mkdtempSync(join(tmpdir(), "olly-tidy-"));
  try {
    writeFileSync(join(root, "tsconfig.json"), JSON.stringify(sampleConfig));
    for (const [index, sample] of samples.entries()) {
      for (const [path, text] of Object.entries(sample)) {
        const target = join(root, `${index}`, path);
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, text);
      }
    }
    const all = await readHouse(root);
    return samples.map((_, index) => houseBelow(all, `${index}/`));
  } finally {
    rmSync(root, { recursive: true });
  }
}

function houseBelow(all: House, prefix: string): House {
  const below = <File extends TextFile>(files: readonly File[]): File[] =>
    files
      .filter((file) => file.path.startsWith(prefix))
      .map((file) => ({ ...file, path: file.path.slice(prefix.length) }));
  const sources = below(all.sources).map((source) => ({
    ...source,
    isTest: isTestFile(source.path),
  }));
  return { files: below(all.files), sources };
}
