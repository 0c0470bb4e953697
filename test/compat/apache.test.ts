/** Apache httpd with and without the library: threads (event) with HTTP/2, processes with mod_php
 * and CGI programs, graceful and hard restarts. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../harness/ports.ts";
import { type Program, text } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";
import { layOutDocuments } from "./documents.ts";
import { askHttp, askInParallel, type Request } from "./http-client.ts";
import { asRoot, childrenOf, expectReplaced, killAll, newestOf } from "./processes.ts";
import { compareUnderOneAgent, type Play, sameTwice, tellLines, untilLogged } from "./twice.ts";

const MODULES = "/usr/lib/apache2/modules";
const apache = Bun.which("apache2") ?? "/usr/sbin/apache2";
const [plain = 0, tls = 0] = await freePorts(2);

/** A restart sends SIGHUP to the whole process group. */
const ownGroup = ["setsid"];

compareUnderOneAgent();

interface Kind {
  readonly modules: readonly string[];
  readonly settings: (directory: string) => string;
}

const event: Kind = {
  modules: ["mpm_event", "http2"],
  settings: () => `StartServers 2
ThreadsPerChild 8
MinSpareThreads 1
MaxSpareThreads 16
MaxRequestWorkers 16
Protocols h2 h2c http/1.1
H2Direct on`,
};

const prefork: Kind = {
  modules: ["mpm_prefork", "php", "cgi"],
  settings: (directory) => `StartServers 4
MaxRequestWorkers 4
MinSpareServers 4
MaxSpareServers 5
<FilesMatch "\\.php$">
  SetHandler application/x-httpd-php
</FilesMatch>
ScriptAlias /cgi/ ${directory}/root/`,
};

const modules = ["authz_core", "mime", "dir", "ssl", "socache_shmcb", "deflate", "filter"].concat([
  "proxy",
  "proxy_http",
  "dav",
  "dav_fs",
  "alias",
  "headers",
]);

function configuration(directory: string, kind: Kind): string {
  const loaded = [...kind.modules, ...modules].map(
    (name) => `LoadModule ${name}_module ${fileOf(name)}`,
  );
  return `${loaded.join("\n")}
ServerRoot ${directory}
ServerName localhost
PidFile ${directory}/httpd.pid
DefaultRuntimeDir ${directory}
Mutex file:${directory}
${kind.settings(directory)}
${asRoot ? "User www-data\nGroup www-data" : ""}
Listen 127.0.0.1:${plain}
Listen 127.0.0.1:${tls}
TypesConfig /dev/null
ErrorLog ${directory}/error.log
ErrorLogFormat "[%l] %M"
LogFormat "%h \\"%r\\" %>s %B" timeless
CustomLog ${directory}/access.log timeless
DocumentRoot ${directory}/root
DavLockDB ${directory}/locks
AddOutputFilterByType DEFLATE text/plain
AddType text/plain .txt
EnableSendfile on
EnableMMAP off
KeepAliveTimeout 50ms
SSLSessionCache shmcb:${directory}/sessions(65536)
<Location /up>
  Dav On
</Location>
ProxyPass /back/ http://127.0.0.1:${plain}/
<VirtualHost 127.0.0.1:${tls}>
  SSLEngine on
  SSLCertificateFile ${directory}/certificate.pem
  SSLCertificateKeyFile ${directory}/key.pem
</VirtualHost>
`;
}

function fileOf(module: string): string {
  return module === "php" ? newestOf(`${MODULES}/libphp*.so`) : `${MODULES}/mod_${module}.so`;
}

const documents = {
  "form.php": `<?php
header("X-Length: " . strlen(file_get_contents("php://input")));
file_put_contents("php://stderr", "said by php\\n");
error_log("logged by php");
printf("%s %s\\n", $_SERVER["REQUEST_METHOD"], $_GET["q"] ?? "-");
echo shell_exec("printf 'from a shell'; cat small.txt | tr a-z A-Z");
$self = stream_socket_client("tcp://127.0.0.1:" . $_SERVER["SERVER_PORT"]);
fwrite($self, "GET /small.txt HTTP/1.0\\r\\n\\r\\n");
echo preg_replace("/^.*\\r\\n\\r\\n/s", "", stream_get_contents($self));
foreach (range(1, 2000) as $line) { echo $line, md5((string) $line), "\\n"; }
`,
  "script.cgi": `#!/bin/sh
echo "Content-Type: text/plain"
echo
echo "$REQUEST_METHOD $QUERY_STRING"
wc -c
echo "said by cgi" >&2
`,
};

const cgi = `http://127.0.0.1:${plain}/cgi/script.cgi?x=1`;
const requestsOf: readonly (readonly [Kind, (upload: readonly string[]) => readonly Request[]])[] =
  [
    [
      event,
      () => [
        ["HTTP/2", "--http2", `https://127.0.0.1:${tls}/large.bin`],
        ["HTTP/2 in plaintext", "--http2-prior-knowledge", `http://127.0.0.1:${plain}/large.bin`],
      ],
    ],
    [
      prefork,
      (upload) => [
        ["php", `http://127.0.0.1:${plain}/form.php?q=a`],
        ["php by TLS", `https://127.0.0.1:${tls}/small.txt`],
        ["php upload", ...upload, "-X", "POST", `http://127.0.0.1:${plain}/form.php`],
        ["cgi", cgi],
        ["cgi upload", ...upload, "-X", "POST", cgi],
      ],
    ],
  ];

async function talk(play: Play, kind: Kind): Promise<void> {
  const http = `http://127.0.0.1:${plain}`;
  const upload = ["-T", join(play.directory, "upload.bin")];
  const own = requestsOf.find(([one]) => one === kind)?.[1](upload) ?? [];
  await askHttp(play, [
    ["static", `${http}/small.txt`],
    ["sendfile", `${http}/large.bin`],
    ["range", "-r", "1000-2999", `${http}/large.bin`],
    ["head", "-I", `${http}/large.bin`],
    ["gzip", "-H", "Accept-Encoding: gzip", `${http}/words.txt`],
    ["missing", `${http}/missing`],
    ["upload", ...upload, `${http}/up/one.bin`],
    ["uploaded", "-r", "8000000-", "-D", "/dev/null", `${http}/up/one.bin`],
    ["TLS", "--http1.1", `https://127.0.0.1:${tls}/large.bin`],
    ["proxied", `${http}/back/large.bin`],
    ...own,
  ]);
  await askInParallel(play, "parallel", `${http}/small.txt`, 60);
}

async function talkBetweenRestarts(play: Play, server: Program): Promise<void> {
  await expectReplaced(server.pid, () => server.signal("SIGHUP"));
  await askHttp(play, [["after restart", `http://127.0.0.1:${plain}/large.bin?hard`]]);
  await expectReplaced(server.pid, () => server.signal("SIGUSR1"));
  await askHttp(play, [["after graceful restart", `http://127.0.0.1:${plain}/large.bin?graceful`]]);
  await untilLogged(play, "access.log", "large.bin?graceful");
  await expectReplaced(server.pid, () => killAll(childrenOf(server.pid)));
  await askHttp(play, [["after crashes", `https://127.0.0.1:${tls}/large.bin`]]);
}

function scenarioOf(kind: Kind) {
  return async (play: Play): Promise<void> => {
    const { directory } = play;
    const root = layOutDocuments(directory, kind === prefork ? documents : {});
    if (kind === prefork) {
      chmodSync(join(root, "script.cgi"), 0o755);
    }
    const file = join(directory, "httpd.conf");
    writeFileSync(file, configuration(directory, kind));
    await createCertificate(directory);
    chmodSync(directory, 0o777); // the lock of DAV
    const server = await play.serve(
      [...ownGroup, apache, "-D", "FOREGROUND", "-f", file],
      [plain, tls],
    );
    await talk(play, kind);
    await talkBetweenRestarts(play, server);
    const ended = await server.stop();
    play.tell("exit", ended.code);
    play.tell("said", text(ended.stderr));
    tellLines(play, "access.log");
    // How many are busy at once, AH00161, is chance.
    tellLines(play, "error.log", (line) =>
      line.replace(/pid \d+/g, "pid N").replace(/.*AH00161.*/, ""),
    );
  };
}

sameTwice("Apache, event", scenarioOf(event), { traced: ["apache2"] });
sameTwice("Apache, prefork with mod_php and CGI", scenarioOf(prefork), {
  traced: ["apache2", "dash"],
});
