/** The PostgreSQL frontend/backend protocol, versions 3.0 and 3.2. See README.md. */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Protocol } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { lost } from "./doubt.ts";
import { createInStep } from "./in-step.ts";
import { match } from "./match.ts";
import { parse } from "./parse.ts";
import {
  type PostgresqlDetail,
  type PostgresqlFrame,
  type PostgresqlState,
  postgresqlLimits,
} from "./types.ts";

function createState(connection: ConnectionInfo): PostgresqlState {
  return {
    encryptionAnswers: 0,
    rows: 0,
    backslash: "unknown",
    database: undefined,
    applicationName: undefined,
    transaction: undefined,
    statements: new Map(),
    statementChars: 0,
    unconfirmed: new Set(),
    portals: new Map(),
    pending: [],
    pendingSyncs: 0,
    group: undefined,
    skipping: false,
    copyIn: false,
    strayAnswer: false,
    answerDropped: false,
    doubt: connection.midstream ? "joined" : undefined,
    inStep: connection.midstream && connection.role !== "server" ? createInStep() : undefined,
    pipelines: false,
    atBoundary: !connection.midstream,
    outstanding: 0,
  };
}

export const postgresql: Protocol<PostgresqlFrame, PostgresqlState, PostgresqlDetail> = {
  id: "postgresql",
  limits: {
    frameBytesMax: postgresqlLimits.frameBytesMax,
    inFlightMax: postgresqlLimits.inFlightMax,
  },
  detect,
  createState,
  parse,
  lost,
  resync,
  match,
  describe,
};
