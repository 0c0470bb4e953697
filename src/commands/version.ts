/** `olly version`: which olly this is. */
import { defineCommand } from "citty";
import { VERSION } from "../version.ts";
import { invocationOf } from "./command.ts";

export const versionCommand = defineCommand({
  meta: {
    name: "version",
    description: "print the version",
    details: ["Prints olly's version and what it was built for."],
  },
  args: { json: { type: "boolean", description: "as JSON" } },
  run: (run) => {
    const { context } = invocationOf(run);
    const about = { version: VERSION, platform: `linux-${process.arch}`, bun: Bun.version };
    const text = run.args.json
      ? JSON.stringify(about)
      : `olly ${about.version} ${about.platform} (Bun ${about.bun})`;
    context.stdout(`${text}\n`);
    return 0;
  },
});
