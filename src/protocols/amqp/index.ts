/** AMQP 0-9-1, as RabbitMQ speaks it. See README.md. */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Protocol } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { amqpLimits } from "./limits.ts";
import { expire, lost } from "./loss.ts";
import { match } from "./match.ts";
import { parse, skipped } from "./parse.ts";
import type { AmqpDetail, AmqpFrame, AmqpState } from "./types.ts";

function createState({ midstream }: ConnectionInfo): AmqpState {
  return {
    channels: new Map(),
    passing: { request: undefined, response: undefined },
    payloadBytesMax: amqpLimits.payloadBytesMax,
    midstream,
    open: 0,
    consumers: 0,
    got: 0,
  };
}

export const amqp: Protocol<AmqpFrame, AmqpState, AmqpDetail> = {
  id: "amqp",
  limits: { frameBytesMax: amqpLimits.frameBytesMax, inFlightMax: amqpLimits.inFlightMax },
  detect,
  createState,
  parse,
  skipped,
  lost,
  expire,
  resync,
  match,
  describe,
};
