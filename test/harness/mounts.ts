/**
 * Commands in a mount namespace of their own, where files of the system are others. Invariant:
 * nothing outside the command sees the change. Needs root, as the tests of the system do.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The command with these lines as its /etc/hosts and nothing but that to look names up in. */
export function withHosts(
  directory: string,
  lines: readonly string[],
  command: readonly string[],
): string[] {
  const hosts = join(directory, "hosts");
  const order = join(directory, "nsswitch.conf");
  writeFileSync(hosts, `${lines.join("\n")}\n`);
  writeFileSync(order, "passwd: files\ngroup: files\nhosts: files\n");
  const script =
    'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/nsswitch.conf && shift 2 && exec "$@"';
  return ["unshare", "-m", "sh", "-ec", script, "sh", hosts, order, ...command];
}

const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

/** The command with a /dev that holds the common devices, shared memory, and room for /dev/log. */
export function withOwnDevices(directory: string, command: readonly string[]): string[] {
  const devices = join(directory, "dev");
  mkdirSync(devices);
  const script = [
    'mount -t tmpfs none "$1"',
    `for name in ${DEVICES.join(" ")}; do`,
    '  : >"$1/$name"',
    '  mount --bind "/dev/$name" "$1/$name"',
    "done",
    'mkdir "$1/shm"',
    'mount --rbind "$1" /dev',
    "shift",
    'exec "$@"',
  ].join("\n");
  return ["unshare", "-m", "sh", "-ec", script, "sh", devices, ...command];
}

/**
 * The command on a network of its own, where names are looked up by asking a name server that is
 * started beside it (127.0.0.1, port 53), and ended with it.
 */
export function withResolver(
  directory: string,
  server: readonly string[],
  command: readonly string[],
): string[] {
  const files = ["resolv.conf", "nsswitch.conf", "hosts"].map((name) => join(directory, name));
  const [resolver = "", order = "", hosts = ""] = files;
  writeFileSync(resolver, "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n");
  writeFileSync(order, "passwd: files\ngroup: files\nhosts: files dns\n");
  writeFileSync(hosts, "127.0.0.1 localhost\n");
  const script = `for name in resolv.conf nsswitch.conf hosts; do
  mount --bind "$1/$name" "/etc/$name"
done
ip link set lo up
shift
count=$1
shift
server=
while [ "$count" -gt 0 ]; do
  server="$server '$1'"
  count=$((count - 1))
  shift
done
eval "$server" &
pid=$!
until dig @127.0.0.1 +tries=1 +time=1 mail.olly.test >/dev/null 2>&1; do :; done
"$@" || code=$?
kill "$pid"
wait "$pid" 2>/dev/null || :
exit "\${code:-0}"`;
  return [
    ...["unshare", "-m", "-n", "sh", "-ec", script, "sh", directory],
    ...[`${server.length}`, ...server, ...command],
  ];
}
