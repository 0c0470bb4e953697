import { SetupError } from "../lib/setup-error.ts";

/** Every problem of a configuration at once, one line each: where, which key, what. */
export class ConfigError extends SetupError {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("; "), 2);
    this.problems = problems;
  }
}
