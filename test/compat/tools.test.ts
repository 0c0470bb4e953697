/**
 * Everyday tools with and without the library: each script of tools/ says the same, ends with the
 * same code and leaves the same files.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../harness/ports.ts";
import { checksum } from "./http-client.ts";
import { compareUnderOneAgent, type Play, sameTwice } from "./twice.ts";

const [one = 0, two = 0, three = 0, four = 0] = await freePorts(4);
const ports = {
  PORT_ONE: String(one),
  PORT_TWO: String(two),
  PORT_THREE: String(three),
  PORT_FOUR: String(four),
};

compareUnderOneAgent();

interface Tool {
  readonly script: string;
  readonly traced: readonly string[];
  readonly normalise?: (output: string) => string;
}

const tools: readonly Tool[] = [
  { script: "build", traced: ["make", "program", "dash"] },
  { script: "archives", traced: ["sha256sum", "tar", "od", "ls"] },
  { script: "git", traced: ["git"] },
  { script: "packages", traced: ["apt-get", "dpkg"], normalise: withoutSpeed },
  { script: "terminal", traced: ["sqlite3", "cat", "script"] },
  { script: "privileges", traced: ["sudo", "id"] },
  { script: "network", traced: ["openssl", "socat", "curl"] },
];

for (const { script, traced, normalise } of tools) {
  const scenario = async (play: Play): Promise<void> => {
    const file = join(import.meta.dir, "tools", `${script}.sh`);
    const options = { env: ports, ...(normalise === undefined ? {} : { normalise }) };
    await play.ask(script, ["sh", file], options);
    play.tell("files", filesBelow(play.directory));
  };
  sameTwice(script, scenario, { traced });
}

function withoutSpeed(output: string): string {
  return output
    .replace(/^Fetched .*$/gm, "Fetched")
    .replace(/\d+ files and directories/g, "N files and directories");
}

/** Everything that the tools left, by name and checksum. */
function filesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(directory.length);
      if (entry.isSymbolicLink()) {
        return `${name} -> ${readlinkSync(path)}`;
      }
      return entry.isFile() ? `${name} ${checksum(readFileSync(path))}` : name;
    })
    .sort();
}
