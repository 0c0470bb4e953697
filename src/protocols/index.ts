/** The protocols in order of detection; the order has a meaning: the stricter test comes first. */
import { amqp } from "./amqp/index.ts";
import { asProtocol, type Protocol } from "./contract.ts";
<<<<<<< HEAD
import { fastcgi } from "./fastcgi/index.ts";
=======
import { dns, dnsDatagrams } from "./dns/index.ts";
>>>>>>> 9316ee4 (DNS over UDP and TCP is read)
import { http1 } from "./http1/index.ts";
import { http2 } from "./http2/index.ts";
import { kafka } from "./kafka/index.ts";
import { mongodb } from "./mongodb/index.ts";
<<<<<<< HEAD
import { nats } from "./nats/index.ts";
=======
import { mysql } from "./mysql/index.ts";
>>>>>>> b919edc (MySQL and MariaDB are read: queries, prepared statements, several results, compression, losses)
import { postgresql } from "./postgresql/index.ts";

export const protocols: readonly Protocol[] = [
  asProtocol(http2),
  asProtocol(nats),
  asProtocol(http1),
  asProtocol(mongodb),
  asProtocol(amqp),
  asProtocol(postgresql),
<<<<<<< HEAD
<<<<<<< HEAD
  asProtocol(mysql),
=======
  asProtocol(fastcgi),
>>>>>>> f417353 (FastCGI: what a web server hands to an application, told as the HTTP requests that it carries)
=======
  asProtocol(dns),
>>>>>>> 9316ee4 (DNS over UDP and TCP is read)
  asProtocol(kafka),
  asProtocol(dnsDatagrams),
];
