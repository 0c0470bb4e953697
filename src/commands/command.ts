/** What a subcommand is. Invariant: its help and its flags come from one definition. */
import {
  type FlagDefinitions,
  type FlagValues,
  parseArguments,
  type SwitchFlag,
  UsageError,
  type ValueFlag,
} from "./flags.ts";

/** The outside as a command sees it; replaced in tests. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly workingDirectory: string;
  /** Text to stdout and stderr; nothing is added. */
  stdout(text: string): void;
  stderr(text: string): void;
}

export interface Invocation<Definitions extends FlagDefinitions> {
  readonly flags: FlagValues<Definitions>;
  readonly operands: readonly string[];
}

export interface CommandDefinition<Definitions extends FlagDefinitions> {
  readonly name: string;
  /** One line of the overview. */
  readonly summary: string;
  /** What follows `olly NAME`. */
  readonly usage: string;
  /** Paragraphs of the help. */
  readonly description: readonly string[];
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  readonly flags: Definitions;
  /** How many operands there may be, or that they are a program with its arguments. */
  readonly operandsMax: number | "program";
  /** @returns the exit code. */
  run(invocation: Invocation<Definitions>, context: CommandContext): Promise<number>;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  /** @throws SetupError, of which UsageError is one. */
  execute(args: readonly string[], context: CommandContext): Promise<number>;
}

export function defineCommand<const Definitions extends FlagDefinitions>(
  definition: CommandDefinition<Definitions>,
): Command {
  const { name, summary, operandsMax } = definition;
  const help = helpOf(definition);
  return {
    name,
    summary,
    help,
    execute: async (args, context) => {
      const parsed = parseArguments(definition.flags, args, operandsMax === "program");
      if (parsed.help) {
        context.stdout(help);
        return 0;
      }
      const surplus = operandsMax === "program" ? undefined : parsed.operands[operandsMax];
      if (surplus !== undefined) {
        throw new UsageError(`olly ${name} does not know what to do with "${surplus}"`);
      }
      return definition.run(parsed, context);
    },
  };
}

function helpOf(definition: CommandDefinition<FlagDefinitions>): string {
  const { name, usage, description, examples, flags } = definition;
  const lines = [`Usage: olly ${name}${usage === "" ? "" : ` ${usage}`}`, "", ...description, ""];
  const rows = Object.entries(flags).map(([flag, about]) => [
    flagLabel(flag, about),
    about.meaning,
  ]);
  if (rows.length > 0) lines.push("Flags:", ...columns(rows), "");
  if (examples.length > 0) lines.push("Examples:", ...columns(examples), "");
  return lines.join("\n");
}

function flagLabel(name: string, flag: SwitchFlag | ValueFlag): string {
  return flag.kind === "switch" ? `--${name}` : `--${name} ${flag.hint}`;
}

/** Two columns, indented. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([left = ""]) => left.length));
  return rows.map(([left = "", right = ""]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}
