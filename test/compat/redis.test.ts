/** Redis with and without the library. */

import { join } from "node:path";
import { freePort } from "../harness/ports.ts";
import { text } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";
import { compareUnderOneAgent, type Play, sameTwice } from "./twice.ts";

const redisPort = await freePort();
const encoder = new TextEncoder();

compareUnderOneAgent();

const redisCommands = `SET greeting hello
GET greeting
APPEND greeting " world"
INCRBY counter 41
INCR counter
GET counter
RPUSH list a b c d
LRANGE list 0 -1
HSET hash field value other 2
HGETALL hash
SADD set one two two
SCARD set
ZADD scores 2 two 1 one 3 three
ZRANGE scores 0 -1 WITHSCORES
MULTI
INCR counter
SET in-transaction yes
EXEC
EVAL "return redis.call('GET', KEYS[1]) .. ARGV[1]" 1 greeting !
XADD stream 1-1 name value
XRANGE stream - +
SETRANGE big 1000000 end
STRLEN big
TYPE list
GET list
EXPIRE greeting 1000
PERSIST greeting
DEBUG SLEEP 0
BGSAVE
`;

function ask(play: Play, name: string, command: readonly string[], input = "") {
  return play.ask(name, ["redis-cli", "-p", String(redisPort), ...command], {
    stdin: encoder.encode(input),
    code: 0,
  });
}

async function untilSaved(play: Play, field: string): Promise<void> {
  const command = ["redis-cli", "-p", String(redisPort), "INFO", "persistence"];
  await waitFor(
    async () => {
      const asked = play.start(command);
      return text((await asked.ended).stdout).includes(`${field}:0`);
    },
    { what: `${field} to be over`, withinMs: 120_000 },
  );
}

/** 3,000 commands in the protocol's own form, in one write. */
function pipeline(): string {
  const commands = Array.from({ length: 3_000 }, (_, index) => {
    const key = `key:${index}`;
    const value = "v".repeat(index % 400);
    return `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;
  });
  return commands.join("");
}

function serveRedis(play: Play) {
  const settings = ["--appendonly", "yes", "--save", "", "--enable-debug-command", "yes"];
  return play.serve(
    [
      ...["redis-server", "--port", String(redisPort), "--bind", "127.0.0.1"],
      ...["--dir", play.directory, "--io-threads", "2", ...settings],
    ],
    [redisPort],
  );
}

async function redisScenario(play: Play): Promise<void> {
  const server = await serveRedis(play);
  await ask(play, "commands", [], redisCommands);
  await untilSaved(play, "rdb_bgsave_in_progress");
  await ask(play, "pipeline", ["--pipe"], pipeline());
  await ask(play, "rewrite", ["BGREWRITEAOF"]);
  await untilSaved(play, "aof_rewrite_in_progress");
  const subscriber = play.start(["redis-cli", "-p", String(redisPort), "SUBSCRIBE", "news"]);
  await waitFor(() => subscriber.stdout().includes("subscribe"), { what: "the subscription" });
  await ask(play, "publish", ["-r", "20", "PUBLISH", "news", "item"]);
  await waitFor(() => subscriber.stdout().split("item").length > 20, { what: "the messages" });
  await subscriber.stop("SIGKILL");
  play.tell("subscriber", subscriber.stdout());
  await play.ask("scan", ["redis-cli", "-p", String(redisPort), "--scan", "--pattern", "key:1*"], {
    normalise: sortedLines,
  });
  await ask(play, "digest", ["DEBUG", "DIGEST"]);
  play.tell("exit", (await server.stop()).code);
  play.tell("said", stepsOf(server.stdout()));
  const again = await serveRedis(play);
  await ask(play, "digest after restart", ["DEBUG", "DIGEST"]);
  await ask(play, "shutdown", ["SHUTDOWN", "NOSAVE"]);
  play.tell("exit again", (await again.ended).code);
  const check = ["redis-check-rdb", join(play.directory, "dump.rdb")];
  await play.ask("check of the dump", check, {
    normalise: (said) => said.replace(/'\d+'|\[offset \d+\]/g, "N"),
  });
}

function sortedLines(lines: string): string {
  return lines.split("\n").sort().join("\n");
}

/** What the log says without pids, times and sizes; what a child says comes at any time. */
function stepsOf(log: string): string[] {
  const messages = log
    .split("\n")
    .flatMap((line) => /^\d+:\w .*? [*#.-] (.*)$/.exec(line)?.[1] ?? []);
  return messages.map((message) => message.replace(/[\d.]+/g, "N")).sort();
}

// In Debian redis-server is a link to redis-check-rdb.
sameTwice("Redis", redisScenario, { traced: ["redis-check-rdb", "redis-cli"] });
