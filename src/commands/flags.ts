/**
 * Reads a command's flags. Invariant: every argument is understood or refused; nothing after `--`
 * (and nothing from a program's name on) is looked at.
 */
import { suggestion } from "../lib/nearest.ts";
import { SetupError } from "../lib/setup-error.ts";

/** Wrong usage: one line, exit code 2. */
export class UsageError extends SetupError {
  override readonly name = "UsageError";

  constructor(message: string) {
    super(message, 2);
  }
}

export interface SwitchFlag {
  readonly kind: "switch";
  readonly meaning: string;
}

export interface ValueFlag {
  readonly kind: "value";
  /** What stands for the value in the help: FILE. */
  readonly hint: string;
  readonly meaning: string;
}

export type FlagDefinitions = Readonly<Record<string, SwitchFlag | ValueFlag>>;

export type FlagValues<Definitions extends FlagDefinitions> = {
  readonly [Name in keyof Definitions]: Definitions[Name] extends SwitchFlag
    ? boolean
    : string | undefined;
};

export interface ParsedArguments<Definitions extends FlagDefinitions> {
  readonly flags: FlagValues<Definitions>;
  /** Arguments that are no flags; for a program the program with everything after it. */
  readonly operands: readonly string[];
  readonly help: boolean;
}

/**
 * `program`: the operands are a program with its arguments, so the first of them (or `--`) ends
 * the flags.
 * @throws UsageError
 */
export function parseArguments<const Definitions extends FlagDefinitions>(
  definitions: Definitions,
  args: readonly string[],
  program: boolean,
): ParsedArguments<Definitions> {
  const values: Record<string, string | boolean | undefined> = {};
  for (const [name, { kind }] of Object.entries(definitions)) {
    values[name] = kind === "switch" ? false : undefined;
  }
  const operands: string[] = [];
  let help = false;
  let index = 0;
  for (; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--") {
      index++;
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      if (program) break;
      operands.push(arg);
    } else if (arg === "-h" || arg === "--help") help = true;
    else {
      const flag = readFlag(definitions, arg, args[index + 1]);
      values[flag.name] = flag.value;
      if (flag.usesNext) index++;
    }
  }
  operands.push(...args.slice(index));
  return { flags: values as FlagValues<Definitions>, operands, help };
}

interface ReadFlag {
  readonly name: string;
  readonly value: string | true;
  readonly usesNext: boolean;
}

function readFlag(definitions: FlagDefinitions, arg: string, next: string | undefined): ReadFlag {
  const equals = arg.indexOf("=");
  const written = equals < 0 ? arg : arg.slice(0, equals);
  const name = written.slice(2);
  const known = Object.keys(definitions).map((one) => `--${one}`);
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (!written.startsWith("--") || definition === undefined) {
    throw new UsageError(`unknown flag ${written}${suggestion(written, [...known, "--help"])}`);
  }
  if (definition.kind === "switch") {
    if (equals >= 0) throw new UsageError(`${written} takes no value`);
    return { name, value: true, usesNext: false };
  }
  const value = equals >= 0 ? arg.slice(equals + 1) : next;
  if (value === undefined || value === "" || (equals < 0 && value.startsWith("--"))) {
    throw new UsageError(`${written} needs a value: ${written} ${definition.hint}`);
  }
  return { name, value, usesNext: equals < 0 };
}
