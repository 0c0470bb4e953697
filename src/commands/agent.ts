/** `olly agent`: the agent in the foreground, until a signal ends it. */
import { defineCommand } from "citty";
import { startAgent } from "../agent.ts";
import type { Config } from "../config/schema.ts";
import type { SelfLog } from "../self/log.ts";
import { invocationOf } from "./command.ts";
import { configArgs } from "./config-args.ts";
import { configured } from "./configured.ts";
import { consoleSink } from "./system-context.ts";

const STDOUT_FD = 1;

export const agentCommand = defineCommand({
  meta: {
    name: "agent",
    description: "an agent for many programs, in the foreground (the default command)",
    details: [
      "Receives what hooked programs do and sends it on: over OTLP to http://localhost:4317 unless",
      "the configuration or OTEL_EXPORTER_OTLP_ENDPOINT says otherwise. Start programs with",
      "`olly run -- CMD`. SIGTERM or Ctrl-C ends it after everything has been sent.",
    ],
    examples: [
      ["olly agent --config olly.yaml", "with a configuration; configs/ holds commented ones"],
      ["OLLY_EXPORTERS_STDOUT_ENABLED=true olly agent", "traces and logs on stdout"],
    ],
  },
  args: configArgs,
  run: async (run) => {
    const { context } = invocationOf(run);
    const { config, log } = configured(
      {
        file: run.args.config,
        directory: run.args["config-dir"],
        fallback: "otlp",
        stamped: true,
      },
      context,
    );
    const stopped = stopSignal();
    const agent = await startAgent({
      config,
      socketPath: config.hook.socketPath,
      log,
      console: consoleSink(STDOUT_FD, context.environment),
    });
    announce(config, log);
    log.info(`${await stopped}: sending what is left`);
    const problems = await agent.stop();
    for (const problem of problems) log.error(problem);
    log.info("ended");
    return 0;
  },
});

/** Resolves to the name of the first signal that asks for an end; a second one ends at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
    // A terminal that closes does not end an agent.
    process.on("SIGHUP", () => {});
  });
}

function announce(config: Config, log: SelfLog): void {
  const { hook, exporters } = config;
  if (hook.enabled) {
    log.info(`listening on ${hook.socketPath}; start programs with: olly run -- CMD`);
    if (hook.onDemand) log.info("dormant until: olly trace start");
  } else log.warn("hook.enabled is false: no program can register");
  if (!config.tracing.enabled) log.info("tracing.enabled is false: no spans are made");
  const targets = [
    exporters.otlp.enabled ? `OTLP at ${exporters.otlp.endpoint}` : undefined,
    exporters.stdout.enabled ? "stdout" : undefined,
    exporters.file.enabled ? exporters.file.path : undefined,
  ].filter((target) => target !== undefined);
  if (targets.length > 0) log.info(`sending to ${targets.join(", ")}`);
  else log.warn("no exporter is enabled: what is captured goes nowhere");
}
