/** HAProxy with and without the library: HTTP, TLS termination, TCP by splice, reload. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../harness/ports.ts";
import { text } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";
import { layOutDocuments } from "./documents.ts";
import { askHttp, askInParallel } from "./http-client.ts";
import { expectReplaced } from "./processes.ts";
import { compareUnderOneAgent, type Play, sameTwice } from "./twice.ts";

const haproxy = Bun.which("haproxy") ?? "/usr/sbin/haproxy";
const [http = 0, tls = 0, tcp = 0, back = 0] = await freePorts(4);

compareUnderOneAgent();

function configuration(directory: string): string {
  return `global
  nbthread 2
  log stdout format raw local0
  stats socket ${directory}/stats.sock mode 600 level admin
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
defaults
  timeout connect 10s
  timeout client 20s
  timeout server 20s
frontend http
  mode http
  bind 127.0.0.1:${http}
  bind 127.0.0.1:${tls} ssl crt ${directory}/both.pem alpn h2,http/1.1
  http-request deny deny_status 403 if { path /denied }
  http-request set-header X-Name haproxy
  compression algo gzip
  compression type text/plain
  default_backend documents
backend documents
  mode http
  http-reuse always
  server one 127.0.0.1:${back}
listen tcp
  mode tcp
  option splice-auto
  option splice-request
  option splice-response
  bind 127.0.0.1:${tcp}
  server one 127.0.0.1:${back}
`;
}

function nginxConfiguration(directory: string): string {
  return `pid ${directory}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_max_body_size 20m;
  client_body_temp_path ${directory}/body;
  server {
    listen 127.0.0.1:${back};
    root ${directory}/root;
    location /up/ { dav_methods PUT; }
    location /echo { return 200 "$request_method $http_x_name\\n"; }
  }
}
`;
}

async function talk(play: Play): Promise<void> {
  const plain = `http://127.0.0.1:${http}`;
  const secure = `https://127.0.0.1:${tls}`;
  const passed = `http://127.0.0.1:${tcp}`;
  const dated = ["-H", "Date: Tue, 14 Nov 2023 22:13:20 GMT"];
  const upload = ["-T", join(play.directory, "upload.bin"), ...dated];
  await askHttp(play, [
    ["small", `${plain}/small.txt`],
    ["large", `${plain}/large.bin`],
    ["range", "-r", "1000-2999", `${plain}/large.bin`],
    ["head", "-I", `${plain}/large.bin`],
    ["denied", `${plain}/denied`],
    ["header", `${plain}/echo`],
    ["compressed", "--compressed", `${plain}/words.txt`],
    ["upload", ...upload, `${plain}/up/one.bin`],
    ["TLS and HTTP/1.1", "--http1.1", `${secure}/large.bin`],
    ["TLS and HTTP/2", "--http2", `${secure}/large.bin`],
    ["HTTP/2 upload", "--http2", ...upload, `${secure}/up/two.bin`],
    ["several", `${secure}/small.txt`, "-o", "/dev/null", `${secure}/large.bin`],
    ["spliced", `${passed}/large.bin`],
    ["spliced upload", ...upload, `${passed}/up/three.bin`],
    ["uploaded by splice", `${plain}/up/three.bin`],
  ]);
  await askInParallel(play, "parallel", `${plain}/small.txt`, 100);
  await askInParallel(play, "parallel HTTP/2", `${secure}/small.txt`, 100);
  await askInParallel(play, "parallel splice", `${passed}/large.bin`, 20);
}

async function scenario(play: Play): Promise<void> {
  const { directory } = play;
  layOutDocuments(directory);
  const { certificate, key } = await createCertificate(directory);
  writeFileSync(
    join(directory, "both.pem"),
    readFileSync(certificate, "utf8") + readFileSync(key, "utf8"),
  );
  writeFileSync(join(directory, "nginx.conf"), nginxConfiguration(directory));
  writeFileSync(join(directory, "haproxy.cfg"), configuration(directory));
  const nginx = Bun.which("nginx") ?? "/usr/sbin/nginx";
  const files = ["-p", directory, "-e", "stderr", "-c", join(directory, "nginx.conf")];
  const documents = await play.serve([nginx, ...files, "-g", "user root; daemon off;"], [back]);
  const server = await play.serve(
    [haproxy, "-W", "-db", "-f", join(directory, "haproxy.cfg")],
    [http, tls, tcp],
  );
  await talk(play);
  await play.ask("counters", ["socat", "-", `UNIX-CONNECT:${directory}/stats.sock`], {
    stdin: new TextEncoder().encode("show stat -1 4 -1 json\n"),
    normalise: (json) =>
      (json.match(/"name":"(?:h?req_tot|[bd]in|bout)"[^}]*}[^}]*}/g) ?? []).join(),
  });
  await expectReplaced(server.pid, () => server.signal("SIGUSR2"));
  await askHttp(play, [
    ["after reload", `http://127.0.0.1:${http}/large.bin`],
    ["after reload by splice", `http://127.0.0.1:${tcp}/large.bin`],
  ]);
  const ended = await server.stop();
  play.tell("exit", ended.code);
  const said = `${text(ended.stdout)}${text(ended.stderr)}`;
  const lines = said.replace(/\(\d+\)|cumulated conns: FE: \d+, BE: \d+/g, "N").split("\n");
  play.tell("said", lines.sort());
  play.tell("exit of nginx", (await documents.stop("SIGQUIT")).code);
}

sameTwice("HAProxy", scenario, { traced: ["haproxy", "nginx", "curl"] });
