/**
 * `olly run`: a program, hooked. Invariant: olly's own doings never change the program's output,
 * its exit code or whether it runs, except by not starting it when something is set up wrongly.
 */
import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { defineCommand } from "citty";
import { type Agent, startAgent } from "../agent.ts";
import type { LoadedConfig } from "../config/load.ts";
import { type Config, type Layer, type StdoutFormat, stdoutFormats } from "../config/schema.ts";
import { extractLibrary, findLibraryDirectory } from "../hook/embedded-library.ts";
import { inheritedDescriptors, ownEnvironment } from "../host/spawn.ts";
import { reasonOf, SetupError } from "../lib/setup-error.ts";
import type { SelfLog } from "../self/log.ts";
import { hookedEnvironment } from "./child-environment.ts";
import { type CommandContext, invocationOf } from "./command.ts";
import { configArgs } from "./config-args.ts";
import { configured } from "./configured.ts";
import { findAgent, socketCandidates } from "./find-agent.ts";
import { UsageError } from "./flags.ts";
import { privateDirectory, SOCKET_NAME } from "./private-directory.ts";
import { ProgramError, runProgram } from "./run-program.ts";
import { consoleSink } from "./system-context.ts";

const STDERR_FD = 2;

export const runCommand = defineCommand({
  meta: {
    name: "run",
    description: "run a program and see its traces and logs",
    details: [
      "Runs CMD unchanged, and everything that it starts. Its traces go to the agent that is",
      "running, else to an agent of its own, which shows them on stderr or sends them where the",
      "configuration or OTEL_EXPORTER_OTLP_ENDPOINT says. Exit code, stdout, stderr and signals",
      "are CMD's.",
    ],
    examples: [
      ["olly run -- python3 app.py", "traces on stderr as requests come in"],
      ["olly run --output t.jsonl -- nginx", "traces and logs as OTLP JSON lines in a file"],
      ["olly run --service shop -- node web.js", "under a name of your choice"],
    ],
    program: true,
  },
  args: {
    service: {
      type: "string",
      valueHint: "NAME",
      description: "the service's name (OTEL_SERVICE_NAME)",
    },
    output: {
      type: "string",
      valueHint: "pretty|json|FILE",
      description: "an agent of its own that writes to stderr, or OTLP JSON lines to FILE",
    },
    ...configArgs,
  },
  run: async (run) => {
    const { context, operands } = invocationOf(run);
    // First of all, before anything is opened.
    const descriptors = inheritedDescriptors();
    if (operands[0] === undefined) {
      throw new UsageError("olly run needs a command: olly run -- python3 app.py");
    }
    const { log, ...loaded } = configured(
      {
        file: run.args.config,
        directory: run.args["config-dir"],
        defaults: { log_level: "warn" },
        flags: outputLayer(run.args.output),
        fallback: "stdout",
        stamped: false,
      },
      context,
    );
    const program = { command: operands, descriptors };
    const own = run.args.output !== undefined;
    try {
      return await runHooked({ program, loaded, log, service: run.args.service, own }, context);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      context.stderr(`olly: ${error.message}\n`);
      return error.shellCode;
    }
  },
});

/** What --output adds to the configuration. */
export function outputLayer(output: string | undefined): Layer {
  if (output === undefined) return {};
  const format = stdoutFormats.find((one): one is StdoutFormat => one === output);
  return format === undefined
    ? { "exporters.file.enabled": true, "exporters.file.path": output }
    : { "exporters.stdout.enabled": true, "exporters.stdout.format": format };
}

interface Run {
  readonly program: {
    readonly command: readonly string[];
    readonly descriptors: readonly number[];
  };
  readonly loaded: LoadedConfig;
  readonly log: SelfLog;
  readonly service: string | undefined;
  /** True: never with the agent that is running. */
  readonly own: boolean;
}

async function runHooked(run: Run, context: CommandContext): Promise<number> {
  const { loaded, log } = run;
  const { hook } = loaded.config;
  if (!hook.enabled) {
    log.warn("hook.enabled is false: the command runs without olly seeing anything");
    return runWith(run, context, ownEntries(context), async () => {});
  }
  if (isDisabled(context)) {
    log.warn("OLLY_DISABLED is set: the command runs without olly seeing anything");
  }
  const running = run.own ? undefined : await findRunning(loaded, context);
  if (running !== undefined) {
    log.info(`with the agent that is running (pid ${running.status.pid})`);
    const environment = await hooked(run, context, {
      socketPath: running.socketPath,
      controlPath: join(dirname(running.socketPath), "control"),
    });
    return runWith(run, context, environment, async () => {});
  }
  return runWithOwnAgent(run, context);
}

function isDisabled(context: CommandContext): boolean {
  const value = context.environment["OLLY_DISABLED"] ?? "";
  return value !== "" && value !== "0";
}

function findRunning({ settings }: LoadedConfig, context: CommandContext) {
  return findAgent(socketCandidates(settings["hook.socket_path"], context), context.uid);
}

/** An agent that lives as long as the program, in a directory that is gone afterwards. */
async function runWithOwnAgent(run: Run, context: CommandContext): Promise<number> {
  const { config } = run.loaded;
  checkOutput(config);
  const directory = privateDirectory(context.uid);
  const problems: string[] = [];
  try {
    const socketPath = join(directory, SOCKET_NAME);
    const agent = await startAgent({
      config: { ...config, hook: { ...config.hook, socketPath } },
      socketPath,
      log: run.log,
      console: consoleSink(STDERR_FD, context.environment),
    });
    const stop = stopOnce(agent, problems);
    let code: number;
    try {
      if (config.hook.onDemand) {
        run.log.warn(`tracing is off until: olly trace start --socket-dir ${directory}`);
      }
      code = await runWith(run, context, await hooked(run, context, agent), stop);
    } finally {
      await stop();
    }
    for (const problem of problems) context.stderr(`olly: ${problem}\n`);
    return code === 0 && problems.length > 0 ? 1 : code;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function stopOnce(agent: Agent, problems: string[]): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= agent.stop().then((found) => void problems.push(...found));
    return stopped;
  };
}

/** Before anything is started, so that a wrong path is a wrong usage and nothing else. */
function checkOutput(config: Config): void {
  const { enabled, path } = config.exporters.file;
  if (!enabled || path === undefined) return;
  try {
    const about = statSync(path, { throwIfNoEntry: false });
    // Opening a pipe would wait for its reader.
    if (about === undefined || about.isFile() || about.isDirectory())
      closeSync(openSync(path, "a"));
  } catch (error) {
    throw new SetupError(`cannot write ${path}: ${reasonOf(error)}`, 2);
  }
}

/** The program's environment with what the library needs to find the agent. */
async function hooked(
  run: Run,
  context: CommandContext,
  agent: { readonly socketPath: string; readonly controlPath: string },
): Promise<Uint8Array[]> {
  const directory = findLibraryDirectory(context.uid, context.environment);
  return hookedEnvironment(ownEntries(context), {
    libraryPath: await extractLibrary(directory),
    socketPath: agent.socketPath,
    controlPath: agent.controlPath,
    serviceName: run.service,
    debug: run.loaded.config.hook.debug,
  });
}

function ownEntries(context: CommandContext): readonly Uint8Array[] {
  const exact = ownEnvironment();
  if (exact !== undefined) return exact;
  const encoder = new TextEncoder();
  return Object.entries(context.environment).map(([name, value]) =>
    encoder.encode(`${name}=${value ?? ""}`),
  );
}

function runWith(
  run: Run,
  context: CommandContext,
  environment: readonly Uint8Array[],
  afterwards: () => Promise<void>,
): Promise<number> {
  return runProgram({ ...run.program, environment, path: context.environment["PATH"] }, afterwards);
}
