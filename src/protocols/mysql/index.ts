/** The MySQL client/server protocol, as MySQL and MariaDB speak it. See README.md. */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Protocol } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { lost } from "./doubt.ts";
import { mysqlLimits } from "./limits.ts";
import { match } from "./match.ts";
import { parse } from "./parse.ts";
import type { MysqlDetail, MysqlFrame, MysqlState, SideState } from "./types.ts";

function createState(connection: ConnectionInfo): MysqlState {
  return {
    stage: connection.midstream ? "commands" : "opening",
    greeting: undefined,
    capabilities: undefined,
    deprecateEof: undefined,
    compressed: undefined,
    isMariaDb: false,
    database: undefined,
    program: undefined,
    backslash: "unknown",
    doubleQuotes: "string",
    inTransaction: undefined,
    sides: { request: newSide(), response: newSide() },
    statements: new Map(),
    statementChars: 0,
    lastPrepared: undefined,
    pending: [],
    mayEndTwice: false,
    doubt: connection.midstream,
    pipelines: false,
    proven: false,
  };
}

function newSide(): SideState {
  const inner = { bytes: new Uint8Array(0), start: 0, end: 0, skip: 0 };
  return { continues: false, inner, outerSequence: -1 };
}

export const mysql: Protocol<MysqlFrame, MysqlState, MysqlDetail> = {
  id: "mysql",
  limits: {
    frameBytesMax: mysqlLimits.frameBytesMax,
    inFlightMax: mysqlLimits.inFlightMax,
  },
  detect,
  createState,
  parse,
  lost,
  resync,
  match,
  describe,
};
