/**
 * Finds out what a service is called from how it was started. Invariant: the name is short and the
 * same at every start; it never holds an argument that could be a secret, only names of files,
 * modules and classes.
 */
import { dirname, join, normalize } from "node:path";
import { baseName, type Runtime, runtimeOf } from "./runtime.ts";

/** How a process was started. */
export interface Launch {
  readonly executable: string;
  /** The program's own name first. */
  readonly args: readonly string[];
  /** Working directory, absolute; undefined when unknown. */
  readonly directory: string | undefined;
  /** The `name` in a package.json of the process's file system; undefined when there is none. */
  packageName(path: string): string | undefined;
}

/** Directories above a script that are searched for a package.json. */
const PACKAGE_DEPTH_MAX = 8;
/** Names that say nothing: the directory's is taken. */
const emptyNames: readonly string[] = ["index", "__main__"];

/** The service's name, or undefined when not even the executable is known. */
export function discoverServiceName(launch: Launch): string | undefined {
  const executable = baseName(launch.executable) || baseName(launch.args[0] ?? "");
  if (executable === "") return undefined;
  const runtime = runtimeOf(executable);
  if (runtime === undefined) return executable;
  if (executable.startsWith("php-fpm")) return "php-fpm"; // its arguments name no script
  return finders[runtime](launch) ?? executable;
}

const finders: Readonly<Record<Runtime, (launch: Launch) => string | undefined>> = {
  python: pythonName,
  nodejs: nodeName,
  java: javaName,
  php: (launch) =>
    scriptName(launch, { valued: ["-c", "-d", "-z", "-S", "-t"], bare: ["-r", "-S"] }),
  ruby: (launch) => scriptName(launch, { valued: ["-I", "-r", "-C", "-E"], bare: ["-e"] }),
  perl: (launch) => scriptName(launch, { valued: ["-I"], bare: ["-e", "-E"] }),
  dotnet: (launch) => {
    const [, first] = launch.args;
    return first?.endsWith(".dll") ? baseName(first).slice(0, -".dll".length) : undefined;
  },
};

/** python(1): -m module; -c and - have no name; -W, -X and others take a value. */
function pythonName(launch: Launch): string | undefined {
  const { args } = launch;
  for (let index = 1; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "-" || arg === "--help-all") return undefined;
    if (!arg.startsWith("-")) return nameOfFile(arg, launch.directory);
    if (arg.startsWith("--")) {
      if (arg === "--check-hash-based-pycs") index++;
      continue;
    }
    const letter = /^-[A-Za-z]*?([cmWXQ])/.exec(arg);
    if (letter === null) continue;
    const attached = arg.slice(letter[0].length);
    if (letter[1] === "c") return undefined;
    if (letter[1] === "m") return attached !== "" ? attached : args[index + 1];
    if (attached === "") index++;
  }
  return undefined;
}

const nodeValued: readonly string[] = [
  "-r",
  "--require",
  "--import",
  "--loader",
  "--experimental-loader",
  "-C",
  "--conditions",
  "--env-file",
  "--title",
  "--stack-trace-limit",
];
const nodeBare: readonly string[] = ["-e", "--eval", "-p", "--print", "-pe", "-i", "-"];

/** The nearest package's name, since scripts are called index.js, server.js and the like. */
function nodeName(launch: Launch): string | undefined {
  const script = firstOperand(launch.args, { valued: nodeValued, bare: nodeBare });
  if (script === undefined) return undefined;
  return packageNameAbove(script, launch) ?? nameOfFile(script, launch.directory);
}

function packageNameAbove(script: string, launch: Launch): string | undefined {
  const path = absolute(script, launch.directory);
  if (path === undefined) return undefined;
  let directory = dirname(path);
  for (let depth = 0; depth < PACKAGE_DEPTH_MAX; depth++) {
    const name = launch.packageName(join(directory, "package.json"));
    if (name !== undefined) return name;
    if (directory === "/") break;
    directory = dirname(directory);
  }
  return undefined;
}

const javaValued: readonly string[] = [
  "-cp",
  "-classpath",
  "--class-path",
  "-p",
  "--module-path",
  "--upgrade-module-path",
  "--add-modules",
  "--add-opens",
  "--add-exports",
  "--add-reads",
  "--enable-native-access",
  "--source",
];

/** java(1): -jar file, -m module/class, or the main class. */
function javaName(launch: Launch): string | undefined {
  const { args } = launch;
  for (let index = 1; index < args.length; index++) {
    const arg = args[index] ?? "";
    const next = args[index + 1];
    if (arg === "-jar")
      return next === undefined ? undefined : baseName(next).replace(/\.jar$/, "");
    if (arg === "-m" || arg === "--module") return next?.split(/[/.]/).at(-1);
    if (javaValued.includes(arg)) index++;
    else if (!arg.startsWith("-") && !arg.startsWith("@")) {
      return arg.endsWith(".java") ? nameOfFile(arg, launch.directory) : arg.split(/[/.]/).at(-1);
    }
  }
  return undefined;
}

interface Options {
  /** Options that take the next argument. */
  readonly valued: readonly string[];
  /** Options after which there is no script. */
  readonly bare: readonly string[];
}

function scriptName(launch: Launch, options: Options): string | undefined {
  const script = firstOperand(launch.args, options);
  return script === undefined ? undefined : nameOfFile(script, launch.directory);
}

function firstOperand(args: readonly string[], options: Options): string | undefined {
  for (let index = 1; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (options.bare.includes(arg)) return undefined;
    if (arg === "--") return args[index + 1];
    if (!arg.startsWith("-")) return arg;
    if (options.valued.includes(arg)) index++;
  }
  return undefined;
}

/** Name of a script without directory and extension. */
function nameOfFile(path: string, directory: string | undefined): string | undefined {
  const name = baseName(path).replace(/\.(?:pyc?|[mc]?[jt]s|php|rb|pl|java)$/, "");
  if (!emptyNames.includes(name)) return name === "" || name === "." ? undefined : name;
  const whole = absolute(path, directory);
  const parent = whole === undefined ? "" : baseName(dirname(whole));
  return parent === "" ? name : parent;
}

function absolute(path: string, directory: string | undefined): string | undefined {
  if (path.startsWith("/")) return normalize(path);
  return directory === undefined ? undefined : join(directory, path);
}
