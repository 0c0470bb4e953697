/** nginx with and without the library: what its clients get, its logs, reload and restart. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../harness/ports.ts";
import { text } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";
import { layOutDocuments } from "./documents.ts";
import { askHttp, askInParallel } from "./http-client.ts";
import { childrenOf, expectReplaced, killAll } from "./processes.ts";
import { compareUnderOneAgent, type Play, sameTwice, tellLines, untilLogged } from "./twice.ts";

const nginx = Bun.which("nginx") ?? "/usr/sbin/nginx";
const [plain = 0, tls = 0, proxy = 0] = await freePorts(3);

compareUnderOneAgent();

function configuration(directory: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  );
  return `worker_processes 2;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log warn;
events { worker_connections 512; }
http {
  log_format timeless '$remote_addr "$request" $status $body_bytes_sent $ssl_protocol';
  access_log ${directory}/access.log timeless;
  ${temporary.join("\n  ")}
  sendfile on;
  client_max_body_size 20m;
  upstream back { server 127.0.0.1:${plain}; keepalive 4; }
  server {
    listen 127.0.0.1:${plain};
    root ${directory}/root;
    location /up/ { dav_methods PUT DELETE; create_full_put_path on; }
    location /gzip/ { gzip on; gzip_types *; alias ${directory}/root/; }
    # A thread that sends the whole file may end after the log line is written.
    location /threads/ { aio threads; access_log off; alias ${directory}/root/; }
    location /direct/ { aio threads; directio 4k; access_log off; alias ${directory}/root/; }
    location = /echo { return 200 "$request_method $http_x_name\\n"; }
  }
  server {
    listen 127.0.0.1:${tls} ssl http2;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate ${directory}/certificate.pem;
    ssl_certificate_key ${directory}/key.pem;
    root ${directory}/root;
    location /back/ { proxy_pass http://back/; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
  server {
    listen 127.0.0.1:${proxy};
    location / { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /tls/ { proxy_pass https://127.0.0.1:${tls}/; proxy_buffering off; }
  }
}
`;
}

async function talk(play: Play): Promise<void> {
  const http = `http://127.0.0.1:${plain}`;
  const https = `https://127.0.0.1:${tls}`;
  const proxied = `http://127.0.0.1:${proxy}`;
  // nginx takes the time of the file from the request.
  const dated = ["-H", "Date: Tue, 14 Nov 2023 22:13:20 GMT"];
  const upload = ["-T", join(play.directory, "upload.bin"), ...dated];
  await askHttp(play, [
    ["static", `${http}/small.txt`],
    ["sendfile", `${http}/large.bin`],
    ["sendfile in threads", `${http}/threads/large.bin`],
    ["direct input", `${http}/direct/large.bin`],
    ["range", "-r", "1000-2999,500000-500999", `${http}/large.bin`],
    ["head", "-I", `${http}/large.bin`],
    ["not modified", "-z", "2100-01-01", `${http}/small.txt`],
    ["gzip", "-H", "Accept-Encoding: gzip", `${http}/gzip/words.txt`],
    ["HTTP/1.0", "-0", `${http}/small.txt`],
    ["missing", `${http}/missing`],
    ["echo", "-H", "X-Name: value", `${http}/echo`],
    ["upload", ...upload, `${http}/up/one.bin`],
    ["upload expecting", ...upload, "-H", "Expect: 100-continue", `${http}/up/two.bin`],
    ["uploaded", `${https}/up/one.bin`],
    ["delete", "-X", "DELETE", `${http}/up/two.bin`],
    ["TLS and HTTP/1.1", "--http1.1", `${https}/large.bin`],
    ["TLS and HTTP/2", "--http2", `${https}/large.bin`],
    ["TLS 1.2", "--tls-max", "1.2", `${https}/large.bin`],
    ["HTTP/2 to proxied", "--http2", `${https}/back/words.txt`],
    ["several on one connection", `${https}/small.txt`, "-o", "/dev/null", `${https}/large.bin`],
    ["proxied", `${proxied}/large.bin`],
    ["proxied by TLS", `${proxied}/tls/large.bin`],
    ["proxied upload", ...upload, `${proxied}/up/three.bin`],
  ]);
  await askInParallel(play, "parallel", `${http}/small.txt`, 150);
  await askInParallel(play, "parallel HTTP/2", `${https}/back/small.txt`, 100);
}

async function scenario(play: Play): Promise<void> {
  const { directory } = play;
  layOutDocuments(directory);
  writeFileSync(join(directory, "nginx.conf"), configuration(directory));
  await createCertificate(directory);
  const files = ["-p", directory, "-c", join(directory, "nginx.conf")];
  const server = await play.serve(
    [nginx, ...files, "-e", join(directory, "error.log"), "-g", "daemon off;"],
    [plain, tls, proxy],
  );
  await talk(play);
  await expectReplaced(server.pid, () => server.signal("SIGHUP"));
  await askHttp(play, [["after reload", `http://127.0.0.1:${plain}/large.bin?reloaded`]]);
  await untilLogged(play, "access.log", "large.bin?reloaded");
  await expectReplaced(server.pid, () => killAll(childrenOf(server.pid)));
  await askHttp(play, [["after crashes", `https://127.0.0.1:${tls}/large.bin`]]);
  const ended = await server.stop("SIGQUIT");
  play.tell("exit", ended.code);
  play.tell("said", text(ended.stderr));
  tellLines(play, "access.log");
  tellLines(play, "error.log", (line) =>
    line
      .replace(/^\S+ \S+ (\[\w+\]) \d+#\d+: (\*\d+ )?/, "$1 ")
      .replace(/ process \d+ /, " process N "),
  );
}

sameTwice("nginx", scenario, { traced: ["nginx", "curl"] });
