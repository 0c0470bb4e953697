/**
 * OpenSSH and rsync with and without the library, server and clients: the confined child before
 * authentication included.
 */
import { expect } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { freePorts } from "../harness/ports.ts";
import { output } from "../harness/processes.ts";
import { checksum } from "./http-client.ts";
import { asRoot } from "./processes.ts";
import { compareUnderOneAgent, type Play, sameTwice } from "./twice.ts";

const [sshPort = 0, rsyncPort = 0] = await freePorts(2);
const sshd = Bun.which("sshd") ?? "/usr/sbin/sshd";
const sftpServer = "/usr/lib/openssh/sftp-server";

compareUnderOneAgent();

function serverConfiguration(directory: string): string {
  return `Port ${sshPort}
ListenAddress 127.0.0.1
HostKey ${directory}/host_key
PidFile ${directory}/sshd.pid
AuthorizedKeysFile ${directory}/user_key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
PermitUserEnvironment no
PrintMotd no
PrintLastLog no
LogLevel DEBUG3
Subsystem sftp ${sftpServer}
`;
}

function clientConfiguration(directory: string): string {
  return `Host server
  HostName 127.0.0.1
  Port ${sshPort}
  IdentityFile ${directory}/user_key
  IdentitiesOnly yes
  UserKnownHostsFile ${directory}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking accept-new
  LogLevel ERROR
`;
}

/** The same keys in both plays. */
async function makeKeys(directory: string): Promise<void> {
  for (const name of ["host_key", "user_key"]) {
    await output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(directory, name)]);
  }
}

function document(): string {
  return Array.from({ length: 60_000 }, (_, line) => `${line} ${line * line}\n`).join("");
}

async function sshScenario(play: Play): Promise<void> {
  const { ask, directory } = play;
  await makeKeys(directory);
  if (asRoot) {
    mkdirSync("/run/sshd", { recursive: true, mode: 0o755 }); // where sshd confines its child
  }
  writeFileSync(join(directory, "sshd_config"), serverConfiguration(directory));
  const config = join(directory, "ssh_config");
  writeFileSync(config, clientConfiguration(directory));
  writeFileSync(join(directory, "document"), document());
  const server = await play.serve(
    [sshd, "-D", "-e", "-f", join(directory, "sshd_config")],
    [sshPort],
  );
  const ssh = ["ssh", "-F", config, "server"];
  await ask("command", [...ssh, `echo "over ssh"; echo "to stderr" >&2; exit 6`], { code: 6 });
  await ask("environment", [...ssh, "env | grep -E '^(OLLY|LD_)'"], { code: 1 });
  const input = new TextEncoder().encode(document());
  await ask("input and output", [...ssh, "tr 0-9 a-j"], { stdin: input, normalise: checksum });
  await ask(
    "terminal",
    ["ssh", "-tt", ...ssh.slice(1), "tty >/dev/null && echo terminal; exit 2"],
    {
      code: 2,
    },
  );
  await ask("scp there", ["scp", "-q", "-F", config, "document", `server:${directory}/there`]);
  await ask("scp back", ["scp", "-q", "-O", "-F", config, `server:${directory}/there`, "back"]);
  const batch = new TextEncoder().encode(
    `cd ${directory}\nput document sent\nget sent got\nrename sent moved\nls -1 moved\nrm moved\n`,
  );
  await ask("sftp", ["sftp", "-q", "-F", config, "-b", "-", "server"], { stdin: batch });
  const stranger = ["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"];
  const unknown = ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"];
  const address = ["-p", String(sshPort), "127.0.0.1", "true"];
  await ask("refused", ["ssh", ...stranger, ...unknown, ...address], { code: 255 });
  await ask("forwarding", ["ssh", "-F", config, "-W", `127.0.0.1:${sshPort}`, "server"], {
    normalise: (said) => said.slice(0, 8),
    stdin: new TextEncoder().encode("not ssh\r\n"),
  });
  const remote = [
    "-e",
    `ssh -F ${config}`,
    "-a",
    "--stats",
    "document",
    `server:${directory}/by-rsync`,
  ];
  await ask("rsync over ssh", ["rsync", ...remote], { normalise: withoutRates });
  play.tell(
    "copies",
    ["there", "back", "got", "by-rsync"].map((name) =>
      checksum(readFileSync(join(directory, name))),
    ),
  );
  const ended = await server.stop();
  play.tell("exit", ended.code);
  const confined = server.stderr().match(/attaching seccomp filter program \[preauth\]/g) ?? [];
  expect(confined.length).toBeGreaterThan(0);
  play.tell("confined children", confined.length);
  play.tell("log", stepsOf(server.stderr()));
}

/** What sshd says without ports, pids and keys. */
function stepsOf(log: string): string[] {
  return (
    log
      .split("\n")
      // Windows are adjusted at any time; a client may be gone before its session is closed, and
      // sshd lists the channels that were open then.
      .filter((line) => !/^(?:debug\d|Transferred:|Close session:|#\d|$)/.test(line.trim()))
      .map((line) => line.trim().replace(/port \d+|pid \d+|pts\/\d+|SHA256:\S+|id \d+/g, "N"))
      .sort()
  );
}

function withoutRates(said: string): string {
  return said.replace(/^(File list \w+ time|sent|Total bytes).*$/gm, "$1");
}

function writeDated(file: string, content: string): void {
  writeFileSync(file, content);
  utimesSync(file, content.length, content.length);
}

async function rsyncScenario(play: Play): Promise<void> {
  const { ask, directory } = play;
  mkdirSync(join(directory, "module"));
  chmodSync(join(directory, "module"), 0o777);
  mkdirSync(join(directory, "tree/below"), { recursive: true });
  writeDated(join(directory, "tree/document"), document());
  copyFileSync(join(directory, "tree/document"), join(directory, "tree/below/copy"));
  const file = join(directory, "rsyncd.conf");
  writeFileSync(
    file,
    `use chroot = no\npid file = ${directory}/rsyncd.pid\nlog file = ${directory}/rsyncd.log\n` +
      `[module]\npath = ${directory}/module\nread only = no\nuid = ${asRoot ? "nobody" : process.getuid?.()}\n`,
  );
  const address = ["--address=127.0.0.1", `--port=${rsyncPort}`];
  const server = await play.serve(
    ["rsync", "--daemon", "--no-detach", `--config=${file}`, ...address],
    [rsyncPort],
  );
  const module = `rsync://127.0.0.1:${rsyncPort}/module/`;
  await ask("list", ["rsync", `rsync://127.0.0.1:${rsyncPort}/`]);
  await ask("send", ["rsync", "-rtizO", "tree/", module]);
  writeDated(join(directory, "tree/document"), `${document()}one more line\n`);
  await ask("send the difference", ["rsync", "-rtizO", "--checksum", "tree/", module]);
  await ask("fetch", ["rsync", "-rtiO", module, "fetched/"]);
  await ask("compare", ["diff", "-r", "tree", "fetched"]);
  await ask("local", ["rsync", "-rtiO", "--delete", "tree/", "fetched/"]);
  await ask("missing", ["rsync", `rsync://127.0.0.1:${rsyncPort}/missing/`], { code: 5 });
  play.tell("exit", (await server.stop()).code);
}

sameTwice("ssh, scp, sftp and sshd", sshScenario, { traced: ["sshd", "ssh", "rsync"] });
sameTwice("rsync and its daemon", rsyncScenario, { traced: ["rsync"] });
