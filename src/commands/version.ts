import { VERSION } from "../version.ts";
import { defineCommand } from "./command.ts";

export const versionCommand = defineCommand({
  name: "version",
  summary: "print the version",
  usage: "[--json]",
  description: ["Prints olly's version and what it was built for."],
  examples: [],
  flags: { json: { kind: "switch", meaning: "as JSON" } },
  operandsMax: 0,
  run: async ({ flags }, context) => {
    const about = { version: VERSION, platform: `linux-${process.arch}`, bun: Bun.version };
    const text = flags.json
      ? JSON.stringify(about)
      : `olly ${about.version} ${about.platform} (Bun ${about.bun})`;
    context.stdout(`${text}\n`);
    return 0;
  },
});
