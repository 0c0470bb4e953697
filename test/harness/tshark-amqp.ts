/**
 * What tshark decodes of AMQP 0-9-1, paired by rules of its own. Invariant: it shares no code with
 * the product; confirms are counted here from the packets.
 */
import { output } from "./processes.ts";

/** One operation as the packets tell it; text = "operation|routing key|bytes|settlement|code". */
export interface AmqpOperation {
  readonly stream: number;
  readonly text: string;
}

interface Waiting {
  readonly operation: string;
  readonly routingKey: string;
  bytes: number | undefined;
  settlement: string;
  code: string;
  answer: string;
  quiet: boolean;
}

interface ChannelReader {
  /** The messages whose headers are due, by the side that sends them. */
  readonly due: Map<boolean, Waiting>;
  readonly asked: Waiting[];
  readonly published: Map<number, Waiting>;
  readonly delivered: Map<number, Waiting>;
  confirms: boolean;
  count: number;
}

type Frame = Readonly<Record<string, unknown>>;

/** "class.method" of synchronous methods, and what answers them. */
const ASKED: Readonly<Record<string, readonly [name: string, answer: string, quiet?: boolean]>> = {
  "20.10": ["channel.open", "20.11", true],
  "20.40": ["channel.close", "20.41", true],
  "40.10": ["exchange.declare", "40.11"],
  "40.20": ["exchange.delete", "40.21"],
  "50.10": ["queue.declare", "50.11"],
  "50.20": ["queue.bind", "50.21"],
  "50.30": ["queue.purge", "50.31"],
  "50.40": ["queue.delete", "50.41"],
  "60.10": ["basic.qos", "60.11"],
  "60.20": ["basic.consume", "60.21"],
  "60.30": ["basic.cancel", "60.31"],
  "60.70": ["get", "60.71"],
  "85.10": ["confirm.select", "85.11"],
  "90.10": ["tx.select", "90.11"],
  "90.20": ["tx.commit", "90.21"],
};

export async function amqpOperations(file: string, port: number): Promise<AmqpOperation[]> {
  const printed = await output([
    ...["tshark", "-n", "-r", file, "-Y", `amqp && tcp.port==${port}`],
    ...["-d", `tcp.port==${port},amqp`, "-T", "json", "--no-duplicate-keys", "-J", "tcp amqp"],
  ]);
  const packets: readonly { _source: { layers: Record<string, unknown> } }[] = JSON.parse(printed);
  const told: AmqpOperation[] = [];
  const channels = new Map<string, ChannelReader>();
  for (const { _source } of packets) {
    const tcp = _source.layers["tcp"] as Record<string, string>;
    const layer = _source.layers["amqp"];
    const stream = Number(tcp["tcp.stream"]);
    const fromClient = Number(tcp["tcp.dstport"]) === port;
    for (const frame of (Array.isArray(layer) ? layer : [layer]) as Frame[]) {
      const key = `${stream} ${frame["amqp.channel"]}`;
      const channel = channels.get(key) ?? newChannel();
      channels.set(key, channel);
      const tell = (it: Waiting) => {
        const { operation, routingKey, bytes, settlement, code, quiet } = it;
        const text = [operation, routingKey, bytes ?? "", settlement, code].join("|");
        if (!quiet) told.push({ stream, text });
      };
      readFrame(channel, frame, fromClient, tell);
    }
  }
  return told;
}

function newChannel(): ChannelReader {
  const maps = { due: new Map(), published: new Map(), delivered: new Map() };
  return { ...maps, asked: [], confirms: false, count: 0 };
}

type Tell = (waiting: Waiting) => void;

function readFrame(channel: ChannelReader, frame: Frame, fromClient: boolean, tell: Tell): void {
  const type = frame["amqp.type"];
  if (type === "2") {
    readHeader(channel, frame, fromClient, tell);
    return;
  }
  if (type !== "1") return;
  const id = `${frame["amqp.method.class"]}.${frame["amqp.method.method"]}`;
  const given = (frame["amqp.method.arguments"] ?? {}) as Record<string, string>;
  const argument = (name: string) => given[`amqp.method.arguments.${name}`] ?? "";
  if (fromClient) readRequest(channel, id, argument, tell);
  else readAnswer(channel, id, argument, tell);
}

type Argument = (name: string) => string;

function waiting(operation: string, routingKey: string): Waiting {
  const rest = { bytes: undefined, settlement: "", code: "", answer: "", quiet: false };
  return { operation, routingKey, ...rest };
}

function readRequest(channel: ChannelReader, id: string, argument: Argument, tell: Tell): void {
  const asked = ASKED[id];
  if (id === "60.40") channel.due.set(true, waiting("publish", argument("routing_key")));
  else if (id === "60.80" || id === "60.90" || id === "60.120") {
    const settlement = { "60.80": "ack", "60.90": "reject", "60.120": "nack" }[id];
    const isMultiple = argument("multiple") === "1";
    for (const [tag, it] of channel.delivered) {
      if (tag !== Number(argument("delivery_tag")) && !isMultiple) continue;
      if (tag > Number(argument("delivery_tag"))) continue;
      channel.delivered.delete(tag);
      const isRefused = settlement !== "ack" && argument("requeue") !== "1";
      tell({ ...it, settlement, code: isRefused ? "rejected" : "" });
    }
  } else if (asked !== undefined) {
    const [name, answer, quiet] = asked;
    if (id === "85.10") channel.confirms = true;
    const routingKey = name === "queue.bind" ? argument("routing_key") : "";
    channel.asked.push({ ...waiting(name, routingKey), answer, quiet: quiet ?? false });
  }
}

function readAnswer(channel: ChannelReader, id: string, argument: Argument, tell: Tell): void {
  const [asked] = channel.asked;
  if (id === "60.60") {
    const it = waiting("consume", argument("routing_key"));
    channel.due.set(false, it);
    channel.delivered.set(Number(argument("delivery_tag")), it);
  } else if (id === "60.50") {
    const last = [...channel.published.values()].at(-1);
    if (last !== undefined) last.code = argument("reply_code");
  } else if (id === "60.80" || id === "60.120") {
    const isMultiple = argument("multiple") === "1";
    const isNack = id === "60.120";
    for (const [tag, it] of channel.published) {
      if (tag > Number(argument("delivery_tag"))) continue;
      if (tag !== Number(argument("delivery_tag")) && !isMultiple) continue;
      channel.published.delete(tag);
      const code = isNack ? "nack" : it.code;
      tell({ ...it, settlement: isNack ? "nack" : "ack", code });
    }
  } else if (id === "60.71" && asked?.operation === "get") {
    channel.asked.shift();
    channel.due.set(false, { ...waiting("get", argument("routing_key")), answer: "got" });
  } else if (id === "60.72" && asked?.operation === "get") tell(channel.asked.shift() ?? asked);
  else if (id === "20.40") {
    const code = argument("reply_code");
    for (const it of [...channel.asked.splice(0), ...channel.published.values()]) {
      tell({ ...it, code, quiet: false });
    }
    channel.published.clear();
    channel.confirms = false;
    channel.count = 0;
  } else if (asked?.answer === id) tell(channel.asked.shift() ?? asked);
}

function readHeader(channel: ChannelReader, frame: Frame, fromClient: boolean, tell: Tell): void {
  const it = channel.due.get(fromClient);
  channel.due.delete(fromClient);
  if (it === undefined) return;
  it.bytes = Number(frame["amqp.header.body-size"]);
  if (it.operation === "get") tell(it);
  else if (it.operation === "publish" && channel.confirms) {
    channel.published.set(++channel.count, it);
  } else if (it.operation === "publish") tell(it);
}
