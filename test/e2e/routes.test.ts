/**
 * Routes of a Flask application, which writes down by which rule it has served each request.
 * Invariant: what olly learns of thousands of different paths are those rules, no request is named
 * by a rule that was not its own, and what the configuration says is told as it stands there.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { faultsOfHttp } from "../harness/conventions.ts";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePorts, waitForPort } from "../harness/ports.ts";
import { output, start, stopAll, temporaryDirectory } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const PROGRAMS = join(import.meta.dir, "programs");
const ROUNDS = 300;
const WORDS_MAX = 32;

afterAll(stopAll, TIMEOUT_MS);

const letters = "abcdefghijklmnopqrstuvwxyz";

/** Another word for each number, without a digit. */
function wordOf(number: number): string {
  let word = "";
  for (let rest = number + 26; rest > 0; rest = Math.floor(rest / 26)) word += letters[rest % 26];
  return `person-${word}`;
}

function hexOf(number: number, length: number): string {
  return (number * 2_654_435_761).toString(16).padStart(length, "3a5c7e9f1b0d").slice(-length);
}

function pathsOf(round: number): string[] {
  const uuid = `${hexOf(round, 8)}-9d1c-4f47-8b1e-${hexOf(round, 12)}`;
  const day = String(1 + (round % 28)).padStart(2, "0");
  return [
    "/",
    "/users",
    `/users/${round}`,
    `/users/${round}/orders`,
    `/users/${round}/orders/${uuid}?page=${round}`,
    `/search?q=${round}`,
    `/people/${wordOf(round)}`,
    `/people/${wordOf(round)}/friends`,
    `/days/2024-05-${day}`,
    `/v1/objects/${hexOf(round, 40)}`,
    `/static/app.${hexOf(round, 6)}.js`,
    // What scanners ask for.
    `/${wordOf(round)}.php`,
    `/admin/${round}/${wordOf(round)}`,
  ];
}

/** What is learnt of each rule of programs/flask_routes.py; "-" = no rule has fitted. */
const LEARNT: Readonly<Record<string, string | undefined>> = {
  "/": "/",
  "/users": "/users",
  "/users/<int:id>": "/users/{id}",
  "/users/<int:id>/orders": "/users/{id}/orders",
  "/users/<int:id>/orders/<uuid:uuid>": "/users/{id}/orders/{uuid}",
  "/search": "/search",
  "/people/<name>": "/people/{name}",
  "/people/<name>/friends": "/people/{name}/friends",
  "/days/<date>": "/days/{date}",
  "/v1/objects/<hash>": "/v1/objects/{hash}",
  "/static/<path:file>": "/static/{file}.js",
  "-": undefined,
};

const TEMPLATES: Readonly<Record<string, string>> = {
  "/": "/",
  "/users": "/users",
  "/users/<int:id>": "/users/{user}",
  "/users/<int:id>/orders": "/users/{user}/orders",
  "/users/<int:id>/orders/<uuid:uuid>": "/users/{user}/orders/{order}",
  "/search": "/search",
  "/people/<name>": "/people/{who}",
  "/people/<name>/friends": "/people/{who}/friends",
  "/days/<date>": "/days/2024-{rest}",
  "/v1/objects/<hash>": "/v1/*",
  "/static/<path:file>": "/static/{file}.js",
};

interface Served {
  readonly path: string;
  readonly rule: string;
}

let agent: TestAgent;

beforeAll(async () => {
  const templates = [...new Set(Object.values(TEMPLATES))].map((text) => `"${text}"`);
  agent = await startAgent({
    tracing: `  routes:\n    templates: [{configured: [${templates.join(", ")}]}]\n`,
  });
}, TIMEOUT_MS);

async function serve(service: string): Promise<{ spans: SpanRecord[]; served: Served[] }> {
  const [port = 0] = await freePorts(1);
  const log = join(temporaryDirectory(), "served");
  const env = { ...agent.environment, OTEL_SERVICE_NAME: service };
  const program = start([python, "-B", join(PROGRAMS, "flask_routes.py"), String(port), log], {
    env,
  });
  await waitForPort(port, "Flask");
  const paths = Array.from({ length: ROUNDS }, (_, round) => pathsOf(round)).flat();
  await output([python, "-B", join(PROGRAMS, "get_paths.py"), String(port)], {
    stdin: new TextEncoder().encode(`${paths.join("\n")}\n`),
  });
  let spans: SpanRecord[] = [];
  await waitFor(
    () => {
      spans = readOtlpFile(agent.file).spans.filter(
        ({ kind, resource }) => kind === Kind.server && resource["service.name"] === service,
      );
      return spans.length >= paths.length;
    },
    { what: `${paths.length} spans`, withinMs: 120_000, seen: () => String(spans.length) },
  );
  await program.stop();
  const lines = readFileSync(log, "utf8").split("\n").slice(0, -1);
  const served = lines.map((line) => {
    const [, path = "", , rule = ""] = line.split(" ");
    return { path: path.split("?")[0] ?? "", rule };
  });
  expect(spans.map(({ attributes }) => attributes["url.path"])).toEqual(
    served.map(({ path }) => path),
  );
  expect(spans.flatMap(faultsOfHttp)).toEqual([]);
  expect(losses(await agent.status())).toEqual({});
  return { spans, served };
}

test(
  "routes are learnt as the framework has them",
  async () => {
    const { spans, served } = await serve("learnt");
    const firstNames = new Set<string>();
    let named = 0;
    for (const [index, { path, rule }] of served.entries()) {
      const route = spans[index]?.attributes["olly.http.route.learnt"];
      expect(spans[index]?.attributes["http.route"]).toBeUndefined();
      if (rule.startsWith("/people/") && route === path) {
        firstNames.add(path);
        continue;
      }
      expect([path, route]).toEqual([path, LEARNT[rule]]);
      if (rule !== "-") named++;
    }
    // Names of people are words until there are too many of them.
    expect(firstNames.size).toBe(2 * WORDS_MAX);
    expect(named).toBe(11 * ROUNDS - firstNames.size);
    const names = new Set(spans.map(({ name }) => name));
    expect(names.size).toBe(Object.keys(LEARNT).length + firstNames.size);
  },
  TIMEOUT_MS,
);

test(
  "what is configured wins, and what fits nothing is learnt",
  async () => {
    const { spans, served } = await serve("configured");
    for (const [index, { path, rule }] of served.entries()) {
      const span = spans[index];
      expect([path, span?.attributes["http.route"]]).toEqual([path, TEMPLATES[rule]]);
      expect(span?.attributes["olly.http.route.learnt"]).toBeUndefined();
      expect(span?.name).toBe(rule === "-" ? "GET" : `GET ${TEMPLATES[rule]}`);
    }
    expect(new Set(spans.map(({ name }) => name)).size).toBe(12);
  },
  TIMEOUT_MS,
);
