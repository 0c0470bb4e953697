/**
 * A temporary RabbitMQ on free ports. Invariant: broker and port mapper listen on loopback only,
 * and nothing of them is left after stopAll().
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, waitForPort } from "./ports.ts";
import { type Program, start, temporaryDirectory } from "./processes.ts";
import { createCertificate } from "./tls.ts";
import { waitFor } from "./wait.ts";

export interface RabbitMq {
  readonly port: number;
  /** AMQP under TLS. */
  readonly tlsPort: number;
  /** Of the authority that has signed the broker's certificate. */
  readonly certificate: string;
  readonly program: Program;
}

const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";

export async function startRabbitMq(
  options: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<RabbitMq> {
  const [port = 0, tlsPort = 0, distribution = 0, mapperPort = 0] = await freePorts(4);
  const directory = temporaryDirectory();
  for (const name of ["mnesia", "log"]) {
    mkdirSync(join(directory, name));
  }
  const { certificate, key } = await createCertificate(directory);
  writeFileSync(join(directory, "plugins"), "[].");
  writeFileSync(
    join(directory, "rabbitmq.conf"),
    [
      "loopback_users = none",
      `listeners.ssl.default = 127.0.0.1:${tlsPort}`,
      `ssl_options.cacertfile = ${certificate}`,
      `ssl_options.certfile = ${certificate}`,
      `ssl_options.keyfile = ${key}`,
      "",
    ].join("\n"),
  );
  start(["epmd", "-port", String(mapperPort), "-address", "127.0.0.1"]);
  await waitForPort(mapperPort, "epmd");
  const program = start([SERVER], {
    env: {
      ...options.env,
      RABBITMQ_NODENAME: "olly@localhost",
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distribution),
      ERL_EPMD_PORT: String(mapperPort),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      RABBITMQ_MNESIA_BASE: join(directory, "mnesia"),
      RABBITMQ_LOG_BASE: join(directory, "log"),
      RABBITMQ_LOGS: "-",
      RABBITMQ_PID_FILE: join(directory, "rabbitmq.pid"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "plugins"),
      RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq"),
      RABBITMQ_CONF_ENV_FILE: "/dev/null",
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
    },
  });
  await waitFor(
    () => {
      if (program.hasEnded) {
        throw new Error(`RabbitMQ ended early: ${program.stdout()}${program.stderr()}`);
      }
      return program.stdout().includes("Server startup complete");
    },
    { what: "RabbitMQ", withinMs: 120_000, seen: () => program.stdout() },
  );
  return { port, tlsPort, certificate, program };
}
