/** RabbitMQ, on Erlang's own virtual machine, with and without the library. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../harness/ports.ts";
import { waitFor } from "../harness/wait.ts";
import { longForm } from "./compare.ts";
import { checksum } from "./http-client.ts";
import { compareUnderOneAgent, type Play, sameTwice } from "./twice.ts";

const BIN = "/usr/lib/rabbitmq/bin";
const NODE = "olly@localhost";
const [amqp = 0, distribution = 0, epmd = 0] = await freePorts(3);

compareUnderOneAgent();

function environmentOf(directory: string): Record<string, string> {
  return {
    RABBITMQ_NODENAME: NODE,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(amqp),
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_MNESIA_BASE: join(directory, "mnesia"),
    RABBITMQ_LOG_BASE: join(directory, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_PID_FILE: join(directory, "rabbitmq.pid"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "plugins"),
    RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
  };
}

async function talk(play: Play, env: Record<string, string>): Promise<void> {
  const { ask, directory, start } = play;
  const server = ["--server=127.0.0.1", `--port=${amqp}`];
  await ask("declare", ["amqp-declare-queue", ...server, "-d", "-q", "work"]);
  for (let turn = 0; turn < (longForm ? 100 : 10); turn++) {
    const publish = ["amqp-publish", ...server, "-r", "work", "-p", "-b", `message ${turn}`];
    await ask(`publish ${turn}`, publish);
  }
  await ask("get", ["amqp-get", ...server, "-q", "work"]);
  const large = "a large message\n".repeat(100_000);
  await ask("publish large", [
    "amqp-publish",
    ...server,
    "-r",
    "large",
    "-b",
    large.slice(0, 100_000),
  ]);
  await ask("declare large", ["amqp-declare-queue", ...server, "-d", "-q", "large"]);
  const input = new TextEncoder().encode(large);
  await ask("publish lines", ["amqp-publish", ...server, "-r", "large"], { stdin: input });
  await ask("get large", ["amqp-get", ...server, "-q", "large"], { normalise: checksum });
  const kept = join(directory, "consumed");
  const consumer = start([
    "amqp-consume",
    ...server,
    "-q",
    "work",
    "-c",
    "9",
    "--",
    "sh",
    "-c",
    `cat >> ${kept}; echo >> ${kept}`,
  ]);
  play.tell("exit of the consumer", (await consumer.ended).code);
  play.tell("consumed", readFileSync(kept, "utf8"));
  const ctl = [join(BIN, "rabbitmqctl"), "-n", NODE, "--quiet"];
  await ask("queues", [...ctl, "list_queues", "name", "messages", "durable"], {
    env,
    normalise: (said) => said.split("\n").sort().join("\n"),
  });
  if (longForm) {
    await ask("user", [...ctl, "add_user", "somebody", "secret"], { env });
    await ask("users", [...ctl, "list_users"], { env });
    await ask("evaluated", [...ctl, "eval", "lists:sum(lists:seq(1, 1000))."], { env });
  }
}

async function scenario(play: Play): Promise<void> {
  const { directory } = play;
  const env = environmentOf(directory);
  for (const name of ["mnesia", "log"]) {
    mkdirSync(join(directory, name));
  }
  writeFileSync(join(directory, "plugins"), "[].");
  writeFileSync(join(directory, "rabbitmq.conf"), "loopback_users = none\n");
  const mapper = await play.serve(["epmd", "-port", String(epmd), "-address", "127.0.0.1"], [epmd]);
  const server = await play.serve([join(BIN, "rabbitmq-server")], [amqp], { env });
  await waitFor(() => server.stdout().includes("Server startup complete"), {
    what: "RabbitMQ",
    withinMs: 120_000,
  });
  await talk(play, env);
  const ended = await server.stop();
  play.tell("exit", ended.code);
  play.tell("exit of epmd", (await mapper.stop()).code);
}

sameTwice("RabbitMQ", scenario, { traced: ["beam.smp", "amqp-get"] });
