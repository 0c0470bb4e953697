/** memcached with and without the library, in both of its protocols and by its own tools. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { python } from "../harness/olly.ts";
import { freePort } from "../harness/ports.ts";
import { text } from "../harness/processes.ts";
import { asRoot } from "./processes.ts";
import { compareUnderOneAgent, type Play, sameTwice } from "./twice.ts";

const program = join(import.meta.dir, "programs/memcached_session.py");
const port = await freePort();

compareUnderOneAgent();

async function scenario(play: Play): Promise<void> {
  const user = asRoot ? ["-u", "memcache"] : [];
  const server = await play.serve(
    ["memcached", "-p", String(port), "-l", "127.0.0.1", "-t", "4", ...user],
    [port],
  );
  await play.ask("session", [python, "-B", program, String(port)], {
    env: { PYTHONHASHSEED: "0" },
  });
  writeFileSync(join(play.directory, "document"), "a document\n".repeat(5_000));
  const servers = `--servers=127.0.0.1:${port}`;
  for (const protocol of [[], ["--binary"]]) {
    const name = protocol.join("") || "text";
    await play.ask(`memccp ${name}`, ["memccp", ...protocol, servers, "document"]);
    await play.ask(`memccat ${name}`, ["memccat", ...protocol, servers, "document"]);
    await play.ask(`memcrm ${name}`, ["memcrm", ...protocol, servers, "document"]);
    await play.ask(`memccat of nothing ${name}`, ["memccat", ...protocol, servers, "document"], {
      code: 1,
    });
  }
  await play.ask("memcstat", ["memcstat", servers], {
    normalise: (stats) =>
      stats.match(/(?:cmd_[gs]et|[gs]et_\w+|curr_items): \d+/g)?.join() ?? "none",
  });
  const ended = await server.stop();
  play.tell("exit", [ended.code, text(ended.stdout), text(ended.stderr)]);
}

sameTwice("memcached", scenario, { traced: ["memcached", "memccat"] });
