/**
 * What a command of olly is beside a citty command. Invariant: a command sees the outside only
 * through its context.
 */

declare module "citty" {
  /** What citty's usage has no place for; the description is the one line of the overview. */
  interface CommandMeta {
    /** Lines of the help below the usage. */
    readonly details?: readonly string[];
    readonly examples?: readonly (readonly [command: string, meaning: string])[];
    /** True: the operands are a program with its arguments, of which nothing is read. */
    readonly program?: boolean;
  }
}

/** The outside as a command sees it; replaced in tests. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly workingDirectory: string;
  /** Text to stdout and stderr; nothing is added. */
  stdout(text: string): void;
  stderr(text: string): void;
}

/** What a command is given as citty's `data`. */
export class Invocation {
  readonly context: CommandContext;
  /** Arguments that are no flags, as they were given. */
  readonly operands: readonly string[];

  constructor(context: CommandContext, operands: readonly string[]) {
    this.context = context;
    this.operands = operands;
  }
}

/** The invocation that a citty context carries. */
export function invocationOf(run: { readonly data?: unknown }): Invocation {
  if (run.data instanceof Invocation) return run.data;
  throw new TypeError("a command was run without its invocation");
}
