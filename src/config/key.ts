/**
 * Kinds of configuration values: how each is read from YAML and from an environment variable.
 * Invariant: a key either yields a value of its type or a sentence that says what it expects.
 */
import { parseKeyValueList } from "../lib/key-value-list.ts";

export type Parsed<Value> = { readonly value: Value } | { readonly problem: string };

/** One accepted key: its type, its meaning and where besides files it can come from. */
export interface Key<Value> {
  /** One sentence for the reference. */
  readonly meaning: string;
  /** What a value looks like, to finish "expects …". */
  readonly expects: string;
  readonly initial: Value;
  /** Standard variables that set it, besides OLLY_<KEY> (OTEL_*), the first that is set wins. */
  readonly environment: readonly string[];
  /** Printed as stars. */
  readonly secret: boolean;
  /** A plain value as the YAML core schema reads it. */
  ofYaml(value: unknown): Parsed<Value>;
  /** The text of a variable, not empty. */
  ofText(text: string): Parsed<Value>;
}

export type ValueOf<Of> = Of extends Key<infer Value> ? Value : never;

interface KeyOptions<Value> {
  readonly initial: Value;
  readonly environment?: readonly string[];
}

/** How a value is shown in "got …". */
export function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (typeof value === "string") return `the text "${value.slice(0, 60)}"`;
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return String(value);
}

function expected<Value>(expects: string, value: unknown): Parsed<Value> {
  return { problem: `expects ${expects}, got ${shown(value)}` };
}

export function flag(meaning: string, options: KeyOptions<boolean>): Key<boolean> {
  return flagKey(meaning, options);
}

/** A switch that is worked out from other keys while nobody sets it. */
export function automaticFlag(meaning: string): Key<boolean | undefined> {
  return flagKey<boolean | undefined>(meaning, { initial: undefined });
}

function flagKey<Value extends boolean | undefined>(
  meaning: string,
  options: KeyOptions<Value>,
): Key<Value | boolean> {
  const expects = "true or false";
  const words: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false };
  return {
    ...described(meaning, expects, options),
    ofYaml: (value) => (typeof value === "boolean" ? { value } : expected(expects, value)),
    ofText: (text) => {
      const value = words[text.toLowerCase()];
      return value === undefined ? expected(expects, text) : { value };
    },
  };
}

export function choice<const Choices extends readonly string[]>(
  meaning: string,
  choices: Choices,
  options: KeyOptions<Choices[number]>,
): Key<Choices[number]> {
  const expects = `one of ${choices.join(", ")}`;
  const pick = (value: unknown): Parsed<Choices[number]> => {
    const found = choices.find((one) => one === value);
    return found === undefined ? expected(expects, value) : { value: found };
  };
  return {
    ...described(meaning, expects, options),
    ofYaml: pick,
    ofText: (text) => pick(text.toLowerCase()),
  };
}

/** Text that is not empty, checked by `problemOf`, which returns what is wrong with it. */
export function text<Value extends string | undefined>(
  meaning: string,
  options: KeyOptions<Value> & {
    readonly expects?: string;
    readonly problemOf?: (text: string) => string | undefined;
  },
): Key<Value | string> {
  const expects = options.expects ?? "a text";
  const parse = (value: unknown): Parsed<Value | string> => {
    if (typeof value !== "string" || value === "") return expected(expects, value);
    const problem = options.problemOf?.(value);
    return problem === undefined ? { value } : { problem };
  };
  return { ...described(meaning, expects, options), ofYaml: parse, ofText: parse };
}

/** `http://host:port` or `host:port`; always yields a URL with a scheme and no trailing slash. */
export function endpoint(
  meaning: string,
  options: KeyOptions<string | undefined>,
): Key<string | undefined> {
  const expects = "a URL such as http://localhost:4317";
  const parse = (value: unknown): Parsed<string | undefined> => {
    if (typeof value !== "string") return expected(expects, value);
    const written = value.trim();
    const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `http://${written}`;
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    const usable =
      parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.hostname !== "";
    if (!usable || /\s/.test(written)) return expected(expects, value);
    if (parsed.username !== "" || parsed.password !== "") {
      return { problem: "must not hold a user or password; put credentials into the headers" };
    }
    return { value: url.replace(/\/+$/, "") };
  };
  return { ...described(meaning, expects, options), ofYaml: parse, ofText: parse };
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };
const DURATION_MS_MAX = 3_600_000;

/** Milliseconds: `10s`, `500ms`, `1m` in YAML; in OTEL_* variables a plain number of them. */
export function duration(meaning: string, options: KeyOptions<number>): Key<number> {
  const expects = "a duration up to an hour, such as 10s or 500ms";
  const parse = (value: unknown): Parsed<number> => {
    if (typeof value !== "string") return expected(expects, value);
    const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/.exec(value.trim());
    const milliseconds = Number(match?.[1]) * (unitMs[match?.[2] ?? ""] ?? Number.NaN);
    return milliseconds <= DURATION_MS_MAX ? { value: milliseconds } : expected(expects, value);
  };
  const ofText = (value: string): Parsed<number> =>
    /^\d{1,9}$/.test(value.trim()) ? parse(`${value.trim()}ms`) : parse(value);
  return { ...described(meaning, expects, options), ofYaml: parse, ofText };
}

export type HeaderMap = Readonly<Record<string, string>>;

/** Header names and values, secret; in a variable `name=value,name2=value2`, percent-encoded. */
export function headers(meaning: string, options: KeyOptions<HeaderMap>): Key<HeaderMap> {
  const expects = "a mapping of header names to texts";
  return {
    ...described(meaning, expects, options),
    secret: true,
    ofYaml: (value) => {
      if (value === null || typeof value !== "object" || Array.isArray(value)) {
        return { problem: `expects ${expects}` }; // the value itself may be a secret
      }
      return headersOf(Object.entries(value));
    },
    ofText: (list) => {
      const pairs = parseKeyValueList(list);
      if (pairs === undefined) return { problem: "expects name=value,name2=value2" };
      return headersOf([...pairs]);
    },
  };
}

function headersOf(entries: readonly [string, unknown][]): Parsed<HeaderMap> {
  const result: Record<string, string> = {};
  for (const [name, value] of entries) {
    const lower = name.toLowerCase();
    if (!/^[a-z0-9_.-]+$/.test(lower)) {
      return { problem: `has a header name that cannot be sent: "${name.slice(0, 60)}"` };
    }
    if (typeof value !== "string" || !/^[\x20-\x7e]*$/.test(value)) {
      return { problem: `has a header whose value is not printable ASCII text: ${lower}` };
    }
    result[lower] = value;
  }
  return { value: result };
}

function described<Value>(meaning: string, expects: string, options: KeyOptions<Value>) {
  const { initial, environment = [] } = options;
  return { meaning, expects, initial, environment, secret: false };
}
