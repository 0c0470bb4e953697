/**
 * A temporary Kafka broker (one node, KRaft) on free ports, with what test/kafka-broker.sh has
 * fetched. Invariant: it listens on loopback and writes in its own directory only.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePorts, waitForPort } from "./ports.ts";
import { output, type Program, start, temporaryDirectory } from "./processes.ts";
import { createCertificate } from "./tls.ts";

const fetched = resolve(import.meta.dir, "../../build/kafka");
/** A Python with confluent-kafka and kafka-python. */
export const kafkaPython = join(fetched, "python/bin/python");

export interface KafkaBroker {
  readonly port: number;
  readonly tlsPort: number;
  /** PEM file that clients of the TLS port trust. */
  readonly certificate: string;
  readonly program: Program;
}

const CLUSTER = "MkU3OEVBNTcwNTJENDM2Qk";
const READY_MS_MAX = 300_000;
/** A small heap, and no time spent on compiling well. */
const JVM = ["-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/** env: what hooks it. */
export async function startKafka(env: Readonly<Record<string, string>>): Promise<KafkaBroker> {
  const jars = join(fetched, "jars");
  if (!existsSync(jars)) throw new Error(`${jars} is missing: run test/require.sh first`);
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "data"));
  const [port = 0, tlsPort = 0, controller = 0] = await freePorts(3);
  const { certificate, key } = await createCertificate(directory);
  const store = join(directory, "store.pem");
  writeFileSync(store, readFileSync(key, "utf8") + readFileSync(certificate, "utf8"));
  const file = join(directory, "server.properties");
  writeFileSync(file, properties(directory, { port, tlsPort, controller, store }));
  const java = ["java", ...JVM, "-cp", `${jars}/*`];
  await output([
    ...java,
    "kafka.tools.StorageTool",
    "format",
    "-t",
    CLUSTER,
    "-c",
    file,
    "--standalone",
  ]);
  const program = start([...java, "kafka.Kafka", file], { env, cwd: directory });
  await waitForPort(port, "Kafka", READY_MS_MAX);
  await waitForPort(tlsPort, "Kafka", READY_MS_MAX);
  return { port, tlsPort, certificate, program };
}

interface Places {
  readonly port: number;
  readonly tlsPort: number;
  readonly controller: number;
  readonly store: string;
}

function properties(directory: string, places: Places): string {
  const open = `PLAINTEXT://127.0.0.1:${places.port},SSL://127.0.0.1:${places.tlsPort}`;
  return `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${places.controller}
listeners=${open},CONTROLLER://127.0.0.1:${places.controller}
advertised.listeners=${open}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location=${places.store}
log.dirs=${directory}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
log.cleaner.enable=false
`;
}
