/** `olly` itself and its commands. Invariant: a command is loaded only when it is asked for. */
import { defineCommand } from "citty";
import { configArgs } from "./config-args.ts";
import "./command.ts";

export const ROOT_NAME = "olly";

export const rootCommand = defineCommand({
  meta: {
    name: ROOT_NAME,
    description: "what unmodified Linux programs do",
    details: [
      "olly shows what unmodified Linux programs do: traces of their requests and database calls,",
      "and the log lines of exactly those requests. No SDK, no code change, no root.",
      "",
      "To a Collector or any OpenTelemetry backend:",
      "  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 olly run -- python3 app.py",
    ],
    examples: [
      ["olly run -- python3 app.py", "run a program and see its traces on stderr"],
      ["olly run --output t.jsonl -- CMD", "the same, as OTLP JSON lines in a file"],
    ],
  },
  args: configArgs,
  // Bare `olly`, and flags without a command, are the agent.
  default: "agent",
  subCommands: {
    run: () => import("./run.ts").then((module) => module.runCommand),
    agent: () => import("./agent.ts").then((module) => module.agentCommand),
    trace: () => import("./trace.ts").then((module) => module.traceCommand),
    status: () => import("./status.ts").then((module) => module.statusCommand),
    doctor: () => import("./doctor.ts").then((module) => module.doctorCommand),
    lib: () => import("./lib.ts").then((module) => module.libCommand),
    version: () => import("./version.ts").then((module) => module.versionCommand),
  },
});
