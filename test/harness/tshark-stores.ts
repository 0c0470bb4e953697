/** What tshark decodes of Redis and Memcached: it knows the packets and nothing of olly. */
import { decode, several } from "./tshark.ts";

/** Every Redis command by its name, and the first word of every error that answers one. */
export async function respCommands(
  file: string,
  port: number,
): Promise<{ readonly names: string[]; readonly errors: string[] }> {
  const lines = await decode(file, {
    ports: [port],
    protocol: "resp",
    fields: ["tcp.dstport", "resp.array.length", "resp.bulk_string.value", "resp.error"],
  });
  const names: string[] = [];
  const errors: string[] = [];
  for (const [destination, lengths, strings, texts] of lines) {
    errors.push(...several(texts).map((error) => error.split(" ")[0] ?? ""));
    if (Number(destination) !== port) {
      continue;
    }
    const values = several(strings);
    for (const length of several(lengths)) {
      const [name = ""] = values.splice(0, Number(length));
      names.push(Buffer.from(name.replaceAll(":", ""), "hex").toString());
    }
  }
  return { names, errors };
}

/** Opcodes of requests and statuses of answers of the binary protocol, each in their order. */
export async function memcachedPackets(
  file: string,
  port: number,
): Promise<{ readonly opcodes: number[]; readonly statuses: number[] }> {
  const lines = await decode(file, {
    ports: [port],
    protocol: "memcache",
    fields: ["tcp.dstport", "memcache.opcode", "memcache.status"],
  });
  const opcodes: number[] = [];
  const statuses: number[] = [];
  for (const [destination, codes, results] of lines) {
    if (Number(destination) === port) opcodes.push(...several(codes).map(Number));
    else statuses.push(...several(results).map(Number));
  }
  return { opcodes, statuses };
}

/** The command of every packet to a Memcached server that begins with one (text protocol). */
export async function memcachedCommands(file: string, port: number): Promise<string[]> {
  const lines = await decode(file, {
    ports: [port],
    protocol: "memcache",
    fields: ["tcp.dstport", "memcache.command"],
  });
  return lines.flatMap(([destination, commands]) =>
    Number(destination) === port ? several(commands) : [],
  );
}
