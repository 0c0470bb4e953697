/** php-fpm behind nginx, with and without the library. */
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { freePort } from "../harness/ports.ts";
import { text } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";
import { layOutDocuments } from "./documents.ts";
import { askHttp, askInParallel } from "./http-client.ts";
import { asRoot, childrenOf, expectReplaced, killAll, newestOf } from "./processes.ts";
import { compareUnderOneAgent, type Play, sameTwice, tellLines, untilLogged } from "./twice.ts";

const port = await freePort();
const fpm = newestOf("/usr/sbin/php-fpm[0-9]*");

compareUnderOneAgent();

const page = `<?php
header("X-Length: " . strlen(file_get_contents("php://input")));
error_log("logged by php-fpm");
printf("%s %s\\n", $_SERVER["REQUEST_METHOD"], $_GET["q"] ?? "-");
echo shell_exec("cat small.txt | tr a-z A-Z");
for ($line = 0; $line < 2000; $line++) { echo $line, md5((string) $line), "\\n"; }
if (isset($_GET["flush"])) { flush(); fastcgi_finish_request(); error_log("after the answer"); }
`;

function poolConfiguration(directory: string): string {
  return `[global]
error_log = ${directory}/fpm.log
daemonize = no
[pool]
listen = ${directory}/fpm.sock
listen.mode = 0666
${asRoot ? "user = www-data\ngroup = www-data" : ""}
pm = static
pm.max_children = 2
catch_workers_output = yes
decorate_workers_output = no
php_admin_value[error_log] = /dev/stderr
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
  fastcgi_temp_path ${directory}/fastcgi;
  server {
    listen 127.0.0.1:${port};
    root ${directory}/root;
    location / {
      fastcgi_pass unix:${directory}/fpm.sock;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param CONTENT_TYPE $content_type;
    }
  }
}
`;
}

async function scenario(play: Play): Promise<void> {
  const { directory } = play;
  layOutDocuments(directory, { "page.php": page });
  writeFileSync(join(directory, "fpm.conf"), poolConfiguration(directory));
  writeFileSync(join(directory, "nginx.conf"), nginxConfiguration(directory));
  const nginx = Bun.which("nginx") ?? "/usr/sbin/nginx";
  const files = ["-p", directory, "-e", "stderr", "-c", join(directory, "nginx.conf")];
  const front = await play.serve([nginx, ...files, "-g", "daemon off;"], [port]);
  const server = play.start([fpm, "--nodaemonize", "-y", join(directory, "fpm.conf")]);
  await waitFor(() => server.hasEnded || childrenOf(server.pid).length === 2, { what: "php-fpm" });
  const url = `http://127.0.0.1:${port}/page.php`;
  await askHttp(play, [
    ["page", `${url}?q=a`],
    ["upload", "-T", join(directory, "upload.bin"), "-X", "POST", url],
    ["missing", `http://127.0.0.1:${port}/missing.php`],
    ["finished early", `${url}?flush=1`],
  ]);
  await askInParallel(play, "parallel", url, 60);
  await untilLogged(play, "fpm.log", "after the answer");
  await expectReplaced(server.pid, () => server.signal("SIGUSR2"));
  await askHttp(play, [["after reload", url]]);
  await expectReplaced(server.pid, () => killAll(childrenOf(server.pid)));
  await askHttp(play, [["after crashes", url]]);
  const ended = await server.stop("SIGQUIT");
  play.tell("exit", [ended.code, text(ended.stdout), text(ended.stderr).split("\n").map(timeless)]);
  play.tell("exit of nginx", (await front.stop("SIGQUIT")).code);
  tellLines(play, "fpm.log", timeless);
}

function timeless(line: string): string {
  return line.replace(/^\[.*?\] |\d+(?:\.\d+)?/g, "");
}

sameTwice("php-fpm behind nginx", scenario, { traced: [basename(fpm), "nginx"] });
