/**
 * The programs below programs/ as commands, and what each of them has to show. Invariant: a command
 * is complete; what has to be compiled is compiled into the directory that is given.
 */
import { join } from "node:path";
import { output } from "../harness/processes.ts";
import type { Certificate } from "../harness/tls.ts";
import type { Traces } from "./traced.ts";

export interface Scenario {
  readonly name: string;
  readonly command: (place: Place) => readonly string[];
  /** What it ends with; default 0. */
  readonly code?: number;
  readonly traces: Traces;
}

export interface Place {
  /** Made by compile functions. */
  readonly directory: string;
  readonly certificate: Certificate;
}

const folder = join(import.meta.dir, "programs");
const at = (path: string): string => join(folder, path);
const tls = ({ certificate }: Place): string[] => [certificate.certificate, certificate.key];

const node: readonly Scenario[] = [
  {
    name: "node: http, https, http2",
    command: (place) => ["node", at("node/http.mjs"), ...tls(place)],
    traces: { executables: ["node"], lastLine: "http.mjs ends", hasExchanges: true },
  },
  {
    name: "node: child processes",
    command: () => ["node", at("node/children.mjs")],
    traces: {
      executables: ["node", "dash", "cat", "printf", "tr", "seq"],
      lastLine: "children.mjs ends",
    },
  },
  {
    name: "node: worker threads and cluster",
    command: () => ["node", at("node/threads.mjs")],
    traces: { executables: ["node"], lastLine: "threads.mjs ends", hasExchanges: true },
  },
  {
    name: "node: sockets",
    command: () => ["node", at("node/sockets.mjs")],
    traces: { executables: ["node"], lastLine: "sockets.mjs ends" },
  },
  {
    name: "node: files and standard streams",
    command: () => ["node", at("node/files.mjs")],
    traces: { executables: ["node"], lastLine: "files.mjs ends" },
  },
];

const java: readonly Scenario[] = [
  {
    name: "OpenJDK: HTTP",
    command: ({ directory }) => ["java", "-cp", directory, "Http"],
    traces: { executables: ["java"], lastLine: "Http ends", hasExchanges: true },
  },
  {
    name: "OpenJDK: processes",
    command: ({ directory }) => ["java", "-cp", directory, "Processes"],
    code: 6,
    traces: {
      executables: ["java", "dash", "cat", "wc", "seq", "sort", "head"],
      lastLine: "Processes ends",
    },
  },
  {
    name: "OpenJDK: sockets",
    command: ({ directory }) => ["java", "-cp", directory, "Sockets"],
    traces: { executables: ["java"], lastLine: "Sockets ends" },
  },
];

const scripts: readonly Scenario[] = [
  {
    name: "Ruby: sockets, processes, threads, files",
    command: () => ["ruby", at("ruby/io.rb")],
    code: 3,
    traces: {
      executables: ["ruby", "dash", "cat", "seq", "sort", "tr", "wc"],
      lastLine: "io.rb ends",
    },
  },
  {
    name: "Ruby: WEBrick and Net::HTTP",
    command: (place) => ["ruby", at("ruby/web.rb"), ...tls(place)],
    traces: { executables: ["ruby"], lastLine: "GET /chunks 200", hasExchanges: true },
  },
  {
    name: "PHP: sockets, processes, files",
    command: () => ["php", at("php/io.php")],
    code: 4,
    traces: { executables: ["php", "dash", "cat", "seq", "tr"], lastLine: "io.php ends" },
  },
  {
    name: "PHP: built-in server and curl",
    command: (place) => ["php", at("php/client.php"), ...tls(place)],
    traces: { executables: ["php", "dash"], hasExchanges: true },
  },
  {
    name: "Perl: sockets, processes, files",
    command: () => ["perl", at("perl/io.pl")],
    code: 2,
    traces: { executables: ["perl", "dash", "cat", "sed", "sort"], lastLine: "io.pl ends" },
  },
  {
    name: "Perl: LWP and HTTP::Tiny",
    command: (place) => ["perl", at("perl/web.pl"), ...tls(place)],
    traces: { executables: ["perl"], hasExchanges: true },
  },
  {
    name: "Tcl",
    command: () => ["tclsh", at("tcl/io.tcl")],
    code: 5,
    traces: { executables: ["tclsh", "dash", "seq", "sort", "tr"], lastLine: "io.tcl ends" },
  },
  {
    name: "Lua",
    command: () => ["lua5.4", at("lua/io.lua")],
    code: 3,
    traces: { executables: ["lua5.4", "dash", "seq", "sort", "tr"], lastLine: "io.lua ends" },
  },
  {
    name: "Erlang",
    command: () => ["escript", at("erlang/io.escript")],
    code: 6,
    traces: { executables: ["beam.smp", "dash", "cat", "seq"], lastLine: "io.escript ends" },
  },
];

const shells: readonly Scenario[] = [
  ...["dash", "bash"].map((shell) => ({
    name: `${shell}: pipes, redirections, traps, jobs`,
    command: () => [shell, at("sh/posix.sh"), shell],
    code: 12,
    traces: {
      executables: [shell, "cat", "seq", "sort", "sed", "tr", "cksum", "head", "wc"],
      lastLine: "posix.sh ends",
    },
  })),
  {
    name: "bash: substitutions, coprocesses, job control",
    command: () => ["bash", at("sh/bash.sh")],
    traces: {
      executables: ["bash", "diff", "tee", "tr", "sed", "wc", "sort", "echo"],
      lastLine: "bash.sh ends",
    },
  },
];

/** Go makes its own system calls, and its processes with them: the children are seen. */
const go: readonly Scenario[] = [
  {
    name: "Go: static",
    command: ({ directory }) => [join(directory, "go-static")],
    code: 8,
    traces: { executables: ["dash", "cat"], lastLine: "from a child" },
  },
  {
    name: "Go: with cgo",
    command: ({ directory }) => [join(directory, "go-cgo")],
    code: 8,
    traces: { executables: ["go-cgo", "dash", "cat"], lastLine: "libc's stdio" },
  },
];

const rust: readonly Scenario[] = [
  {
    name: "Rust",
    command: ({ directory }) => [join(directory, "rust")],
    code: 11,
    traces: { executables: ["rust", "dash", "cat"], lastLine: "io.rs ends" },
  },
];

export const scenarios = { node, java, scripts, shells, go, rust } as const;

export async function compileJava(directory: string): Promise<void> {
  const sources = ["Http", "Processes", "Sockets"].map((name) => at(`java/${name}.java`));
  await output(["javac", "-d", directory, ...sources]);
}

export async function compileGo(directory: string): Promise<void> {
  const go = Bun.which("go") ?? "/usr/local/go/bin/go";
  for (const [name, isCgo] of Object.entries({ "go-static": "0", "go-cgo": "1" })) {
    const target = join(directory, name);
    await output([go, "build", "-o", target, "."], { cwd: at("go"), env: { CGO_ENABLED: isCgo } });
  }
}

export async function compileRust(directory: string): Promise<void> {
  await output(["rustc", "--edition", "2021", "-o", join(directory, "rust"), at("rust/io.rs")]);
}
