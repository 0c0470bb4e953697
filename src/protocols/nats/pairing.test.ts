/** Pairing and syntax in the corners that the recorded conversations do not reach. */
import { describe, expect, test } from "bun:test";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import { testConnection } from "../../../test/harness/stream-cases.ts";
import type { Side } from "../../model/connection.ts";
import { nats } from "./index.ts";
import { natsLimits } from "./limits.ts";
import { readLine } from "./line.ts";
import { isTemporary, sourceOf, subjectTemplate } from "./subjects.ts";
import { serverInfo } from "./test-conversation.ts";

const encoder = new TextEncoder();
const SECOND = 1e9;

function setUp(connection: Partial<typeof testConnection> = {}) {
  const driver = new ReferenceDriver(nats, { ...testConnection, ...connection });
  let now = 0;
  const says = (side: Side, text: string, afterNs = 1_000) => {
    now += afterNs;
    driver.feed(side, encoder.encode(text), now);
  };
  const client = (text: string, afterNs?: number) => says("request", text, afterNs);
  const server = (text: string, afterNs?: number) => says("response", text, afterNs);
  const told = () =>
    driver.closed.flatMap((exchange) => {
      const draft = nats.describe(exchange, { httpKnownMethods: new Set() });
      if (draft === undefined) return [];
      const length = (exchange.endNs - exchange.startNs) / 1_000;
      return [`${draft.name} ${exchange.outcome} ${length}`];
    });
  if (connection.midstream !== true) {
    server(serverInfo);
    client('CONNECT {"verbose":false}\r\nPING\r\n');
    server("PONG\r\n");
  }
  const lose = (side: Side) => driver.gap(side, 100, now);
  return { driver, client, server, told, lose };
}

describe("requests", () => {
  test("are those whose answer comes to this connection", () => {
    const { client, server, told } = setUp();
    client("SUB _INBOX.a.* 1\r\nSUB replies.> 2\r\nSUB exact 3\r\n");
    client("PUB q _INBOX.a.1 0\r\n\r\nPUB q replies.deep.down 0\r\n\r\nPUB q exact 0\r\n\r\n");
    client("PUB q elsewhere 0\r\n\r\n");
    server("MSG exact 3 0\r\n\r\nMSG replies.deep.down 2 0\r\n\r\nMSG _INBOX.a.1 1 0\r\n\r\n");
    expect(told()).toEqual([
      "publish q one_way 0",
      ...["request q complete 2", "request q complete 2", "request q complete 2"],
    ]);
  });

  test("with one reply subject at a time are not paired", () => {
    const { client, server, told } = setUp();
    client("SUB same 1\r\nPUB a same 0\r\n\r\nPUB b same 0\r\n\r\n");
    server("MSG same 1 0\r\n\r\n");
    expect(told()).toEqual([
      ...["request a truncated 0", "request b truncated 0", "process same one_way 0"],
    ]);
  });

  test("that nobody answers are given up before the connection is", () => {
    const { client, server, told, driver } = setUp();
    client("SUB _INBOX.a.* 1\r\nPUB q _INBOX.a.1 0\r\n\r\n");
    server("MSG tap 2 answer.1 0\r\n\r\n");
    driver.expire(200 * SECOND);
    expect(told()).toEqual([]);
    driver.expire(250 * SECOND);
    expect(told()).toEqual([`process tap one_way 0`, `request q no_response ${250e6 - 4}`]);
  });

  test("may be lost with their answers, and later ones are paired", () => {
    const { client, server, told, lose } = setUp();
    client("SUB _INBOX.a.* 1\r\nPUB q _INBOX.a.1 0\r\n\r\n");
    lose("response");
    client("PUB q _INBOX.a.2 0\r\n\r\n");
    server("MSG _INBOX.a.2 1 0\r\n\r\n");
    expect(told()).toEqual(["request q truncated 0", "request q complete 1"]);
  });

  test("with old-style inboxes do not fill the list of subscriptions", () => {
    const { client, server, driver, told } = setUp();
    for (let number = 1; number <= natsLimits.subscriptionsMax + 9; number++) {
      const inbox = `_INBOX.${number}`;
      client(`SUB ${inbox} ${number}\r\nUNSUB ${number} 1\r\nPUB q ${inbox} 0\r\n\r\n`);
      server(`MSG ${inbox} ${number} 0\r\n\r\n`);
    }
    expect(driver.state.subscriptions.size).toBe(0);
    expect(driver.state.subjects.size).toBe(0);
    expect(new Set(told())).toEqual(new Set(["request q complete 1"]));
  });
});

describe("deliveries", () => {
  test("of a subscription that answers none are over when they have come", () => {
    const { client, server, told, driver } = setUp();
    client("SUB tap 1\r\n");
    for (let number = 1; number <= natsLimits.unansweredMax + 1; number++) {
      server(`MSG tap 1 answer.${number} 0\r\n\r\n`);
    }
    expect(told()).toEqual(Array(natsLimits.unansweredMax + 1).fill("process tap one_way 0"));
    client("PUB answer.1 0\r\n\r\n");
    expect(told().at(-1)).toBe("publish answer.{id} one_way 0");
    expect(driver.openCount).toBe(0);
  });

  test("of one that answers wait, and are bounded", () => {
    const { client, server, driver, told } = setUp();
    client("SUB work 1\r\n");
    server("MSG work 1 answer.a 0\r\n\r\n");
    client("PUB answer.a 0\r\n\r\n");
    for (let number = 0; number < 2 * natsLimits.waitingMax; number++) {
      server(`MSG work 1 answer.${number} 0\r\n\r\n`);
    }
    expect(driver.openCount).toBe(natsLimits.waitingMax);
    expect(new Set(told().slice(1))).toEqual(new Set(["process work truncated 0"]));
  });

  test("that wait when the connection ends were over when they had come, unless one was answered", () => {
    const { client, server, driver, told } = setUp();
    client("SUB work 1\r\nSUB tap 2\r\n");
    server("MSG work 1 a.1 0\r\n\r\nMSG work 1 a.2 0\r\n\r\nMSG tap 2 a.3 0\r\n\r\n");
    client("PUB a.1 0\r\n\r\n");
    driver.end("response", 9_000);
    expect(told()).toEqual(["process work complete 1", "process tap one_way 0"]);
    expect(driver.openCount).toBe(1);
  });

  test("are the parent's when the message names one", () => {
    const { client, server, driver } = setUp();
    client("SUB a 1\r\n");
    const headers = "NATS/1.0\r\nTraceparent: 00-1-2-01\r\ntracestate:k=v\r\n\r\n";
    server(`HMSG a 1 ${headers.length} ${headers.length}\r\n${headers}\r\n`);
    const last = driver.closed.at(-1);
    expect([last?.traceparent, last?.tracestate, last?.pushed]).toEqual(["00-1-2-01", "k=v", true]);
  });
});

describe("pulls", () => {
  const pull = "PUB $JS.API.CONSUMER.MSG.NEXT.S.c _INBOX.p 0\r\n\r\n";

  test("that overlap are not paired", () => {
    const { client, server, told } = setUp();
    client(`SUB _INBOX.p 1\r\n${pull}${pull}`);
    server("MSG s.x 1 $JS.ACK.S.c.1.1.1.1.0 0\r\n\r\n");
    client(pull);
    expect(told()).toEqual(Array(3).fill("receive S truncated 0"));
  });

  test("end with the status of the server, or when the client stops to wait", () => {
    const { client, server, driver, told } = setUp();
    client(`SUB _INBOX.p 1\r\n${pull}`);
    const status = "NATS/1.0 409 Consumer Deleted\r\n\r\n";
    server(`HMSG _INBOX.p 1 ${status.length} ${status.length}\r\n${status}\r\n`);
    client(`${pull}UNSUB 1\r\n`);
    expect(told()).toEqual(["receive S complete 1", "receive S no_response 0"]);
    expect(driver.closed.map(({ detail }) => detail.code)).toEqual(["", "409", ""]);
  });
});

test("verbose mode: +OK is paired again behind a PONG", () => {
  const driver = setUp({ midstream: true });
  const { client, server, told } = driver;
  client("PUB a 1\r\nx\r\n");
  server("+OK\r\n");
  client("PUB b 1\r\nx\r\n");
  server("+OK\r\n");
  client("PING\r\n");
  server("PONG\r\n");
  client("PUB c 1\r\nx\r\n");
  server("+OK\r\n");
  expect(told()).toEqual(["publish a one_way 0", "publish b truncated 0", "publish c complete 1"]);
});

test("TLS begins behind INFO", () => {
  const { driver } = setUp({ midstream: true });
  driver.feed("response", encoder.encode(serverInfo), 1);
  driver.feed("request", Uint8Array.of(0x16, 0x03, 0x01, 0x02), 2);
  expect(driver.handedOver).toBe("tlsResume");
});

describe("syntax", () => {
  const read = (text: string) => readLine(encoder.encode(text), 0, text.length);

  test("lines that are none", () => {
    for (const text of [
      "PUB\r\n",
      "PUB a\r\n",
      "PUB a b c 1\r\n",
      "PUB a -1\r\n",
      "PUB a 1e3\r\n",
      "PUB a 999999999\r\n",
      "HPUB a 9 8\r\n",
      "MSG a 1\r\n",
      "HMSG a 1 2\r\n",
      "SUB a\r\n",
      "UNSUB 1 x\r\n",
      "PING x\r\n",
      "PONG\n",
      "GET / HTTP/1.1\r\n",
      "PUBLISH a 1\r\n",
      " PUB a 1\r\n",
      `SUB ${"x".repeat(natsLimits.lineBytesMax)} 1\r\n`,
    ]) {
      expect([text.slice(0, 20), read(text)]).toEqual([text.slice(0, 20), undefined]);
    }
    for (const text of ["P", "PU", "PUB", "PUB a", "CONNECT {", "-E"])
      expect(read(text)).toBe("more");
  });

  test("detection is by what only NATS says", () => {
    const detect = (text: string) => {
      const bytes = encoder.encode(text);
      const moments = { timeAt: () => 0, tidAt: () => 0, eventLoopAt: () => false };
      return nats.detect({ bytes, start: 0, end: bytes.length, ...moments });
    };
    for (const [text, side] of [
      [serverInfo, "response"],
      ['CONNECT {"lang":"c"}\r\n', "request"],
      ["PING\r\nPUB a 1\r\nx\r\n", "request"],
      ["+OK\r\nMSG a 1 1\r\nx\r\n", "response"],
      ["PING\r\n", "no"],
      ["+OK\r\n", "no"],
      ["PING\r\nPU", "more"],
      ["CONNECT host:443 HTTP/1.1\r\n", "no"],
      ["CONNECT host", "no"],
      ["INFO\r\n", "no"],
      ["INFO replication\r\n", "no"],
      ['INFO {"else":1}\r\n', "no"],
      ["PUB a 1\r\nxy\r\n", "no"],
      ["PUBLISH a b\r\n", "no"],
    ] as const) {
      expect([text, detect(text)]).toEqual([text, side]);
    }
  });

  test("subjects", () => {
    expect(sourceOf("$JS.ACK.S.c.2.10.11.1700000000.0")?.deliveries).toBe(2);
    expect(sourceOf("$JS.ACK.hub.hash.S.c.1.1.1.1700000000.0.rnd")?.stream).toBe("S");
    expect(sourceOf("$JS.ACK.short")).toBeUndefined();
    for (const [subject, template] of [
      ["orders.created", undefined],
      ["orders.17.created", "orders.{id}.created"],
      ["_INBOX.hVkB3yVqGqMQ5Wv0Xq1Zab", undefined],
      ["$JS.API.INFO", undefined],
      ["$JS.API.STREAM.INFO.ORDERS", undefined],
      ["$JS.API.CONSUMER.CREATE.S.c.a.b.>", "$JS.API.CONSUMER.CREATE.S.c.{filter}"],
      ["$JS.ACK.S.c.2.10.11.1700000000.0", "$JS.ACK.S.c"],
    ] as const) {
      expect([subject, subjectTemplate(subject)]).toEqual([subject, template]);
    }
    expect(isTemporary("_INBOX.x")).toBe(true);
  });
});
