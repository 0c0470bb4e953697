/**
 * A temporary Cassandra of one node on free ports, with what test/fetch.sh has fetched. Invariant:
 * it listens on loopback and writes in its own directory only.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetched } from "./fetched.ts";
import { freePorts, waitForPort } from "./ports.ts";
import { type Program, start, temporaryDirectory, text } from "./processes.ts";

export interface Cassandra {
  readonly port: number;
  readonly program: Program;
}

/** It reads and writes its own tables before it listens: 20 s of CPU time. */
const READY_MS_MAX = 240_000;
/** A small heap, no time spent on compiling well, and the doors that it wants open. */
const JVM = [
  ...["-Xmx384m", "-Xms128m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
  ...[`@${join(import.meta.dir, "cassandra-modules.txt")}`, "-Djava.security.manager=allow"],
  ...["-Djava.net.preferIPv4Stack=true", "-Dcassandra-foreground=yes"],
];
/** Nobody else is in its ring to wait for. */
const ALONE = {
  superuser_setup_delay_ms: 0,
  ring_delay_ms: 0,
  skip_wait_for_gossip_to_settle: 0,
  "native.epoll.enabled": false,
};

/** env: what hooks it. */
export async function startCassandra(env: Readonly<Record<string, string>>): Promise<Cassandra> {
  const jars = await fetched("cassandra");
  const directory = temporaryDirectory();
  const [port = 0, storage = 0] = await freePorts(2);
  const configuration = join(directory, "cassandra.yaml");
  writeFileSync(configuration, settings(directory, port, storage));
  const logging = join(directory, "logback.xml");
  writeFileSync(logging, WARNINGS);
  const properties = Object.entries({
    ...ALONE,
    config: `file://${configuration}`,
    storagedir: directory,
  }).map(([name, value]) => `-Dcassandra.${name}=${value}`);
  const options = [...JVM, ...properties, `-Dlogback.configurationFile=${logging}`];
  const main = ["-cp", `${jars}/*`, "org.apache.cassandra.service.CassandraDaemon"];
  const program = start(["java", ...options, ...main], { env, cwd: directory });
  const early = program.ended.then((ended) => {
    throw new Error(`Cassandra ended early: ${text(ended.stdout)}${text(ended.stderr)}`);
  });
  early.catch(() => undefined);
  await Promise.race([waitForPort(port, "Cassandra", READY_MS_MAX), early]);
  return { port, program };
}

const WARNINGS = `<configuration>
<appender name="S" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%-5level %msg%n</pattern></encoder>
</appender>
<root level="WARN"><appender-ref ref="S"/></root>
</configuration>
`;

function settings(directory: string, port: number, storage: number): string {
  return `cluster_name: test
num_tokens: 1
authenticator: AllowAllAuthenticator
authorizer: AllowAllAuthorizer
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: ['${directory}/data']
commitlog_directory: ${directory}/commitlog
saved_caches_directory: ${directory}/saved
cdc_raw_directory: ${directory}/cdc
hints_directory: ${directory}/hints
hinted_handoff_enabled: false
auto_bootstrap: false
auto_snapshot: false
commitlog_sync: periodic
commitlog_sync_period: 10000ms
commitlog_segment_size: 8MiB
commitlog_disk_access_mode: legacy
memtable_heap_space: 32MiB
memtable_offheap_space: 32MiB
file_cache_size: 32MiB
key_cache_size: 4MiB
concurrent_reads: 4
concurrent_writes: 4
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: '127.0.0.1:${storage}' }]
endpoint_snitch: SimpleSnitch
listen_address: 127.0.0.1
storage_port: ${storage}
rpc_address: 127.0.0.1
start_native_transport: true
native_transport_port: ${port}
`;
}
