/**
 * Strict reading of arguments by a citty command's own definition, before citty reads them, which
 * lets unknown flags pass. Invariant: every argument is understood or refused; nothing after `--`
 * (and nothing from a program's name on) is looked at.
 */
import type { ArgDef, ArgsDef } from "citty";
import { suggestion } from "../lib/nearest.ts";
import { SetupError } from "../lib/setup-error.ts";

/** Wrong usage: one line, exit code 2. */
export class UsageError extends SetupError {
  override readonly name = "UsageError";

  constructor(message: string) {
    super(message, 2);
  }
}

export interface ReadArguments {
  /** The flags in the one form that citty cannot misread: --name or --name=value. */
  readonly flags: readonly string[];
  /** Arguments that are no flags, as they were given. */
  readonly operands: readonly string[];
  readonly help: boolean;
}

/**
 * `first`: the first operand (or `--`) ends the flags, as what follows is read by somebody else.
 * @throws UsageError
 */
export function readArguments(
  definitions: ArgsDef,
  args: readonly string[],
  first: boolean,
): ReadArguments {
  const flags: string[] = [];
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
      if (first) break;
      operands.push(arg);
    } else if (arg === "-h" || arg === "--help") help = true;
    else {
      const { text, usesNext } = readFlag(definitions, arg, args[index + 1]);
      flags.push(text);
      if (usesNext) index++;
    }
  }
  operands.push(...args.slice(index));
  return { flags, operands, help };
}

interface ReadFlag {
  readonly text: string;
  readonly usesNext: boolean;
}

function readFlag(definitions: ArgsDef, arg: string, next: string | undefined): ReadFlag {
  const equals = arg.indexOf("=");
  const written = equals < 0 ? arg : arg.slice(0, equals);
  const name = written.slice(2);
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (!written.startsWith("--") || definition === undefined || !isFlag(definition)) {
    const known = Object.entries(definitions).filter(([, one]) => isFlag(one));
    const names = [...known.map(([one]) => `--${one}`), "--help"];
    throw new UsageError(`unknown flag ${written}${suggestion(written, names)}`);
  }
  if (definition.type === "boolean") {
    if (equals >= 0) throw new UsageError(`${written} takes no value`);
    return { text: written, usesNext: false };
  }
  const value = equals >= 0 ? arg.slice(equals + 1) : next;
  if (value === undefined || value === "" || (equals < 0 && value.startsWith("--"))) {
    throw new UsageError(`${written} needs a value: ${written} ${definition.valueHint ?? "VALUE"}`);
  }
  return { text: `${written}=${value}`, usesNext: equals < 0 };
}

function isFlag(definition: ArgDef): boolean {
  return definition.type !== "positional";
}

/** @throws UsageError for the first operand that the definition has no name for. */
export function refuseSurplus(path: string, definitions: ArgsDef, operands: readonly string[]) {
  const named = Object.values(definitions).filter((one) => !isFlag(one)).length;
  const surplus = operands[named];
  if (surplus !== undefined) {
    throw new UsageError(`${path} does not know what to do with "${surplus}"`);
  }
}
