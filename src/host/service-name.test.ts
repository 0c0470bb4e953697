import { describe, expect, test } from "bun:test";
import { discoverServiceName } from "./service-name.ts";

type Case = [executable: string, args: string, name: string | undefined];

const cases: Case[] = [
  ["/usr/bin/python3.11", "python3 app.py", "app"],
  ["/usr/bin/python3.11", "python3 -u -W ignore /srv/shop/server.py --port 1", "server"],
  ["/usr/bin/python3.11", "python3 -m http.server 8000", "http.server"],
  ["/usr/bin/python3.11", "python3 -um http.server", "http.server"],
  ["/usr/bin/python3.11", "python3 -mhttp.server", "http.server"],
  ["/usr/bin/python3.11", "python3 -c print(1)", "python3.11"],
  ["/usr/bin/python3.11", "python3 -Ic print(1)", "python3.11"],
  ["/usr/bin/python3.11", "python3 -", "python3.11"],
  ["/usr/bin/python3.11", "python3", "python3.11"],
  ["/usr/bin/python3.11", "python3 -X dev /usr/local/bin/gunicorn shop:app", "gunicorn"],
  ["/usr/bin/python3.11", "python3 /srv/shop/__main__.py", "shop"],
  ["/usr/bin/pypy3", "pypy3 app.pyc", "app"],
  ["/usr/bin/node", "node /srv/web/server.js", "server"],
  [
    "/usr/bin/node",
    "node --require ./shim.js --max-old-space-size=10 /srv/jobs/worker.mjs",
    "worker",
  ],
  ["/usr/bin/node", "node /srv/packaged/src/index.js", "@shop/web"],
  ["/usr/bin/node", "node src/index.js", "@shop/web"],
  ["/usr/bin/node", "node /srv/plain/index.js", "plain"],
  ["/usr/bin/node", "node -e 1", "node"],
  ["/usr/bin/node", "node", "node"],
  ["/opt/jdk/bin/java", "java -Xmx1g -jar /opt/shop-1.2.jar --secret=x", "shop-1.2"],
  ["/opt/jdk/bin/java", "java -cp a.jar:b.jar -Da=b com.example.shop.Main x", "Main"],
  ["/opt/jdk/bin/java", "java -m shop.web/com.example.Server", "Server"],
  ["/opt/jdk/bin/java", "java Hello.java", "Hello"],
  ["/opt/jdk/bin/java", "java", "java"],
  ["/usr/sbin/php-fpm8.2", "php-fpm: master", "php-fpm"],
  ["/usr/sbin/php-fpm8.2", "php-fpm8.2 --nodaemonize", "php-fpm"],
  ["/usr/bin/php8.2", "php -d a=b artisan.php serve", "artisan"],
  ["/usr/bin/php8.2", "php -S localhost:1", "php8.2"],
  ["/usr/bin/ruby", "ruby -I lib bin/puma", "puma"],
  ["/usr/bin/dotnet", "dotnet /app/Shop.Web.dll", "Shop.Web"],
  ["/usr/sbin/nginx", "nginx -g daemon", "nginx"],
  ["/usr/sbin/nginx (deleted)", "nginx", "nginx"],
  ["", "/usr/bin/thing --x", "thing"],
  ["", "", undefined],
];

describe("discoverServiceName", () => {
  test.each(cases)("%p %p is %p", (executable, args, name) => {
    const found = discoverServiceName({
      executable,
      args: args === "" ? [] : args.split(" "),
      directory: "/srv/packaged",
      packageName: (path) => (path === "/srv/packaged/package.json" ? "@shop/web" : undefined),
    });
    expect(found).toBe(name as string);
  });
});
