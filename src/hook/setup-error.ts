import { SetupError } from "../lib/setup-error.ts";

/** What keeps the agent from listening, or the library from being placed. */
export class HookSetupError extends SetupError {
  override readonly name = "HookSetupError";
}
