/** The protocols in order of detection; the order has a meaning: the stricter test comes first. */
import { amqp } from "./amqp/index.ts";
import { cassandra } from "./cassandra/index.ts";
import { asProtocol, type Protocol } from "./contract.ts";
import { dns, dnsDatagrams } from "./dns/index.ts";
import { fastcgi } from "./fastcgi/index.ts";
import { http1 } from "./http1/index.ts";
import { http2 } from "./http2/index.ts";
import { kafka } from "./kafka/index.ts";
import { memcached, memcachedBinary } from "./memcached/index.ts";
import { mongodb } from "./mongodb/index.ts";
import { mysql } from "./mysql/index.ts";
import { nats } from "./nats/index.ts";
import { postgresql } from "./postgresql/index.ts";
import { redis } from "./redis/index.ts";
import { websocket } from "./websocket/index.ts";

export const protocols: readonly Protocol[] = [
  asProtocol(http2),
  asProtocol(nats),
  asProtocol(http1),
  asProtocol(mongodb),
  asProtocol(amqp),
  asProtocol(memcachedBinary),
  asProtocol(cassandra),
  asProtocol(postgresql),
  asProtocol(mysql),
  asProtocol(fastcgi),
  asProtocol(dns),
  asProtocol(kafka),
  asProtocol(redis),
  asProtocol(memcached),
  asProtocol(websocket),
  asProtocol(dnsDatagrams),
];
