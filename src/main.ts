/** The executable's entry: arguments in, exit code out. */

import { runCommandLine } from "./commands/command-line.ts";
import { systemContext } from "./commands/system-context.ts";

process.exit(await runCommandLine(process.argv.slice(2), systemContext()));
