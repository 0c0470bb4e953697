/**
 * AppScope beside olly, when a build of it is given: OLLY_BENCH_APPSCOPE=/path/to/libscope.so.
 * Invariant: it reports what olly reports of the same run (HTTP and connections, as events, to
 * /dev/null), so that both are measured at comparable work.
 */
import { existsSync } from "node:fs";
import type { Environment } from "./programs.ts";

const VARIABLE = "OLLY_BENCH_APPSCOPE";

/** The environment of a program under AppScope; undefined when no build is given. */
export function appScopeEnvironment(): Environment | undefined {
  const library = process.env[VARIABLE];
  if (library === undefined) return undefined;
  if (!existsSync(library)) throw new Error(`${VARIABLE}: ${library} does not exist`);
  return {
    LD_PRELOAD: library,
    SCOPE_CRIBL_ENABLE: "false",
    SCOPE_METRIC_ENABLE: "false",
    SCOPE_EVENT_ENABLE: "true",
    SCOPE_EVENT_DEST: "file:///dev/null",
    SCOPE_EVENT_HTTP: "true",
    SCOPE_EVENT_NET: "true",
    SCOPE_EVENT_MAXEPS: "0",
    SCOPE_LOG_DEST: "file:///dev/null",
  };
}
