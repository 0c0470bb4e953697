/**
 * From arguments to a command. Invariant: whatever goes wrong that a person can mend is one line on
 * stderr for each problem, with the exit code that the documentation states.
 */
import {
  type ArgsDef,
  type CommandDef,
  type CommandMeta,
  runCommand,
  type SubCommandsDef,
} from "citty";
import { ConfigError } from "../config/config-error.ts";
import { suggestion } from "../lib/nearest.ts";
import { SetupError } from "../lib/setup-error.ts";
import { type CommandContext, Invocation } from "./command.ts";
import { readArguments, refuseSurplus, UsageError } from "./flags.ts";
import { helpOf } from "./help.ts";
import { ROOT_NAME, rootCommand } from "./root.ts";

/** Runs what `args` (without the executable's name) ask for. @returns the exit code. */
export async function runCommandLine(
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  try {
    return await dispatch(rootCommand, "", spelledOut(args), context);
  } catch (error) {
    return report(error, context);
  }
}

/** The customary other ways to ask for version and help. */
function spelledOut(args: readonly string[]): readonly string[] {
  const [first, second, ...rest] = args;
  if (first === "--version" || first === "-V") return ["version", ...args.slice(1)];
  if (first !== "help") return args;
  return second === undefined ? ["--help"] : [second, "--help", ...rest];
}

/** `parent` is the command line before the command's name. */
async function dispatch<Args extends ArgsDef>(
  command: CommandDef<Args>,
  parent: string,
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const meta: CommandMeta = (await resolved(command.meta)) ?? {};
  const definitions: ArgsDef = (await resolved(command.args)) ?? {};
  const subCommands = await resolved(command.subCommands);
  const first = meta.program === true || subCommands !== undefined;
  const { flags, operands, help } = readArguments(definitions, args, first);
  const path = `${parent} ${meta.name ?? ""}`.trim();
  const asked = subCommands === undefined ? undefined : operands[0];
  if (help && asked === undefined) {
    context.stdout(await helpOf(command, meta, parent));
    return 0;
  }
  if (subCommands !== undefined) {
    const name = asked ?? (await resolved(command.default));
    const found = await resolved(subCommandOf({ path, subCommands, name }));
    const rest = [...flags, ...(help ? ["--help"] : []), ...operands.slice(1)];
    return dispatch(found, path, rest, context);
  }
  if (!meta.program) refuseSurplus(path, definitions, operands);
  const data = new Invocation(context, operands);
  // What is behind the flags is not citty's: it would read and change it.
  const { result } = await runCommand(command, { rawArgs: [...flags], data });
  return typeof result === "number" ? result : 0;
}

/** citty's definitions may be values, promises or functions that give them. */
async function resolved<Value extends object | string | undefined>(
  value: Value | Promise<Value> | (() => Value) | (() => Promise<Value>),
): Promise<Value> {
  return typeof value === "function" ? await value() : await value;
}

interface SubCommandRequest {
  readonly path: string;
  readonly subCommands: SubCommandsDef;
  readonly name: string | undefined;
}

function subCommandOf({ path, subCommands, name }: SubCommandRequest): SubCommandsDef[string] {
  const names = Object.keys(subCommands);
  if (name === undefined) throw new UsageError(`${path} needs one of ${names.join(", ")}`);
  const found = Object.hasOwn(subCommands, name) ? subCommands[name] : undefined;
  if (found !== undefined) return found;
  if (path !== ROOT_NAME) throw new UsageError(`${path} cannot ${name}${suggestion(name, names)}`);
  throw new UsageError(`unknown command ${name}${suggestion(name, [...names, "help"])}`);
}

function report(error: unknown, context: CommandContext): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) context.stderr(`olly: ${problem}\n`);
    return error.exitCode;
  }
  if (error instanceof SetupError) {
    context.stderr(`olly: ${error.message}\n`);
    return error.exitCode;
  }
  // The stages that prepare sockets and files have setup errors of their own.
  if (error instanceof Error && error.name.endsWith("SetupError")) {
    context.stderr(`olly: ${error.message.replace(/\s*\n\s*/g, " ")}\n`);
    return 1;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  context.stderr(`olly: internal error, please report it: ${text}\n`);
  return 1;
}
