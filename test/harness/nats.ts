/**
 * A temporary nats-server, and what was said to it. Invariant: the reader below shares no code with
 * the product: tshark only gives it each connection's bytes in order.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, waitForPort } from "./ports.ts";
import { output, type Program, start, temporaryDirectory } from "./processes.ts";
import { createCertificate } from "./tls.ts";

export interface NatsServer {
  readonly port: number;
  /** Of the server's certificate, when it asks for TLS. */
  readonly certificate: string;
  readonly program: Program;
}

export async function startNats(options: { readonly tls?: boolean } = {}): Promise<NatsServer> {
  const port = await freePort();
  const directory = temporaryDirectory();
  const { certificate, key } = await createCertificate(directory);
  const configuration = join(directory, "nats.conf");
  const tls = options.tls ? `tls { cert_file: "${certificate}", key_file: "${key}" }\n` : "";
  writeFileSync(
    configuration,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${directory}" }\n${tls}`,
  );
  const program = start(["nats-server", "-c", configuration]);
  await waitForPort(port, "nats-server");
  return { port, certificate, program };
}

/** One message or subscription as the packets tell it. */
export interface NatsLine {
  readonly stream: number;
  readonly fromClient: boolean;
  readonly words: readonly string[];
  readonly payload: string;
}

/** Every operation of the port's connections, each connection's in the order of its packets. */
export async function natsLines(file: string, port: number): Promise<NatsLine[]> {
  const printed = await output([
    ...["tshark", "-n", "-r", file, "-o", "tcp.desegment_tcp_streams:TRUE"],
    ...["-Y", `tcp.port==${port} && tcp.len>0 && !tcp.analysis.retransmission`],
    ...["-T", "fields", "-e", "tcp.stream", "-e", "tcp.dstport", "-e", "tcp.payload"],
  ]);
  const waiting = new Map<string, string>();
  const lines: NatsLine[] = [];
  for (const row of printed.split("\n")) {
    const [stream = "", destination = "", hex = ""] = row.split("\t");
    if (hex === "") {
      continue;
    }
    const key = `${stream} ${destination}`;
    let text = (waiting.get(key) ?? "") + Buffer.from(hex, "hex").toString("latin1");
    for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
      const words = text.slice(0, end).split(/[ \t]+/);
      const hasPayload = /^H?(PUB|MSG)$/.test(words[0] ?? "");
      const size = hasPayload ? Number(words.at(-1)) + 2 : 0;
      if (text.length < end + 2 + size) {
        break;
      }
      const payload = text.slice(end + 2, end + 2 + Math.max(0, size - 2));
      lines.push({
        ...{ stream: Number(stream), fromClient: Number(destination) === port },
        ...{ words: words.filter((word) => word !== ""), payload },
      });
      text = text.slice(end + 2 + size);
    }
    waiting.set(key, text);
  }
  return lines;
}

/** "operation subject" of what a client does, by the lines of its connections. */
export function natsTold(lines: readonly NatsLine[]): string[] {
  const told: string[] = [];
  const inboxes = new Map<string, readonly string[]>();
  const answers = new Set(
    lines.filter(({ fromClient }) => fromClient).map(({ words }) => words[1] ?? ""),
  );
  for (const { fromClient, words, stream } of lines) {
    const [operation = "", subject = "", second = "", third = ""] = words;
    const own = inboxes.get(`${stream}`) ?? [];
    if (operation === "SUB") inboxes.set(`${stream}`, [...own, subject.replace(/\*$/, "")]);
    const isInbox = own.some((inbox) => inbox.startsWith("_INBOX") && subject.startsWith(inbox));
    if (fromClient && /PUB$/.test(operation)) {
      const reply = words.length > (operation === "PUB" ? 3 : 4) ? second : "";
      const isAnswer = subject.startsWith("$JS.ACK.") || subject.startsWith("_INBOX.");
      if (subject.startsWith("$JS.API.CONSUMER.MSG.NEXT.")) told.push("receive");
      else if (reply !== "") told.push(`ask ${subject}`);
      else if (!isAnswer) told.push(`publish ${subject}`);
    } else if (!fromClient && /MSG$/.test(operation) && !isInbox) {
      const reply = words.length > (operation === "MSG" ? 4 : 5) ? third : "";
      told.push(`process ${subject}${reply !== "" && answers.has(reply) ? " answered" : ""}`);
    }
  }
  return told.sort();
}
