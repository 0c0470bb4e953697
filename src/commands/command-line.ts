/**
 * From arguments to a command. Invariant: whatever goes wrong that a person can mend is one line on
 * stderr for each problem, with the exit code that the documentation states.
 */
import { ConfigError } from "../config/config-error.ts";
import { suggestion } from "../lib/nearest.ts";
import { SetupError } from "../lib/setup-error.ts";
import { agentCommand } from "./agent.ts";
import { type Command, type CommandContext, columns } from "./command.ts";
import { UsageError } from "./flags.ts";
import { libCommand } from "./lib.ts";
import { runCommand } from "./run.ts";
import { statusCommand } from "./status.ts";
import { traceCommand } from "./trace.ts";
import { versionCommand } from "./version.ts";

const commands: readonly Command[] = [
  runCommand,
  agentCommand,
  traceCommand,
  statusCommand,
  libCommand,
  versionCommand,
];

/** Runs what `args` (without the executable's name) ask for. @returns the exit code. */
export async function runCommandLine(
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  try {
    return await dispatch(args, context);
  } catch (error) {
    return report(error, context);
  }
}

function dispatch(args: readonly string[], context: CommandContext): number | Promise<number> {
  const [first, ...rest] = args;
  if (first === "--help" || first === "-h") return printHelp(undefined, context);
  if (first === "help") return printHelp(rest[0], context);
  if (first === "--version" || first === "-V") return versionCommand.execute(rest, context);
  // Bare `olly`, and flags without a command, are the agent.
  if (first === undefined || first.startsWith("-")) return agentCommand.execute(args, context);
  return commandOf(first).execute(rest, context);
}

function commandOf(name: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = [...commands.map((command) => command.name), "help"];
  throw new UsageError(`unknown command ${name}${suggestion(name, names)}`);
}

function printHelp(name: string | undefined, context: CommandContext): number {
  context.stdout(name === undefined ? overview() : commandOf(name).help);
  return 0;
}

function overview(): string {
  return [
    "olly shows what unmodified Linux programs do: traces of their requests and database calls,",
    "and the log lines of exactly those requests. No SDK, no code change, no root.",
    "",
    "Start here:",
    ...columns([
      ["olly run -- python3 app.py", "run a program and see its traces on stderr"],
      ["olly run --output t.jsonl -- CMD", "the same, as OTLP JSON lines in a file"],
    ]),
    "",
    "To a Collector or any OpenTelemetry backend:",
    "  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 olly run -- python3 app.py",
    "",
    "Commands:",
    ...columns(commands.map((command) => [command.name, command.summary])),
    "",
    "`olly COMMAND --help` says the rest. Without a command olly is the agent.",
    "",
  ].join("\n");
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
