/**
 * What tshark decodes of MySQL, MongoDB and CQL. Invariant: it knows the packets only, and nothing
 * of olly.
 */
import { decode, several } from "./tshark.ts";

export interface MysqlCommand {
  readonly command: number;
  /** Of a query; "" for other commands. */
  readonly text: string;
  /** Sum of the OK packets' affected rows. */
  affected: number;
  /** The server's error number. */
  error: string | undefined;
}

const MARIADB_PROGRESS = "65535";
const MYSQL_COMMAND_MAX = 0x1f;
const MYSQL_HAS_NO_ANSWER = new Set(["1", "24", "25"]);

/** Every command of the ports that has an answer, in the order of one connection. */
export async function mysqlCommands(
  file: string,
  ports: readonly number[],
): Promise<MysqlCommand[]> {
  const lines = await decode(file, {
    ports,
    protocol: "mysql",
    fields: ["mysql.command", "mysql.query", "mysql.affected_rows", "mysql.error_code"],
  });
  const commands: MysqlCommand[] = [];
  for (const [numbers, queries, affected, errors] of lines) {
    for (const number of several(numbers)) {
      const command = Number(number);
      // tshark takes the first byte of a file that the client sends for a command, too.
      if (MYSQL_HAS_NO_ANSWER.has(number) || command > MYSQL_COMMAND_MAX) {
        continue;
      }
      commands.push({ command, text: queries ?? "", affected: 0, error: undefined });
    }
    const last = commands.at(-1);
    if (last !== undefined) {
      last.affected += several(affected).reduce((sum, count) => sum + Number(count), 0);
      // MariaDB's progress reports look like errors of this number.
      last.error = several(errors).find((code) => code !== MARIADB_PROGRESS) ?? last.error;
    }
  }
  return commands;
}

/** A request of MongoDB's protocol that makes a span. */
export interface MongoOperation {
  /** The command's name. */
  readonly operation: string;
  /** Its answer tells an error. */
  readonly failed: boolean;
}

/** OP_QUERY: a command, or a find whose filter may be empty. */
const MONGO_QUERY = "2004";
const MONGO_HELLO = new Set(["hello", "isMaster", "ismaster"]);

/** Every request of the ports but hello, for programs that send one message in a packet. */
export async function mongoOperations(
  file: string,
  ports: readonly number[],
): Promise<MongoOperation[]> {
  const lines = await decode(file, {
    ports,
    protocol: "mongo",
    fields: [
      ...["tcp.stream", "tcp.dstport", "mongo.request_id", "mongo.response_to"],
      ...["mongo.opcode", "mongo.element.name"],
    ],
  });
  const asked = new Map<string, { operation: string; failed: boolean }>();
  for (const [stream, destination, ids, answered, opcodes, names] of lines) {
    if (ports.includes(Number(destination))) {
      const operation = several(names)[0] ?? (opcodes === MONGO_QUERY ? "find" : "unknown");
      if (!MONGO_HELLO.has(operation)) {
        asked.set(`${stream} ${several(ids)[0]}`, { operation, failed: false });
      }
    } else if (several(names).includes("errmsg")) {
      const request = asked.get(`${stream} ${several(answered)[0]}`);
      if (request !== undefined) {
        request.failed = true;
      }
    }
  }
  return [...asked.values()];
}

/** A QUERY of CQL, versions 3 and 4 without compression. */
export interface CqlQuery {
  readonly text: string;
  readonly rows: number | undefined;
  /** Code of an ERROR, decimal. */
  readonly error: string | undefined;
}

const CQL_QUERY = "7";

/** Every QUERY of the ports, for programs that send one message in a packet. */
export async function cqlQueries(file: string, ports: readonly number[]): Promise<CqlQuery[]> {
  const lines = await decode(file, {
    ports,
    protocol: "cql",
    fields: [
      ...["tcp.stream", "tcp.dstport", "cql.stream", "cql.opcode", "cql.string"],
      ...["cql.result.rows.row_count", "cql.error_code"],
    ],
  });
  const queries: { text: string; rows: number | undefined; error: string | undefined }[] = [];
  const open = new Map<string, (typeof queries)[number]>();
  for (const [connection, destination, stream, opcode, texts, rows, error] of lines) {
    const key = `${connection} ${stream}`;
    if (ports.includes(Number(destination))) {
      open.delete(key);
      if (opcode !== CQL_QUERY) continue;
      const query = { text: several(texts)[0] ?? "", rows: undefined, error: undefined };
      queries.push(query);
      open.set(key, query);
    } else {
      const query = open.get(key);
      if (query === undefined) continue;
      query.rows = rows ? Number(rows) : undefined;
      query.error = error || undefined;
    }
  }
  return queries;
}
