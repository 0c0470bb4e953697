/**
 * The bodies of requests and answers as far as they are read, in a language of our own, compiled
 * for one version at a time. Fields are separated by blanks:
 *
 *   1 2 4 8  a number of so many bytes    s  text    b  bytes    u  UUID    r  records
 *   [ … ]    structures in an array       (4)  plain values in an array     !  the rest is not read
 *   x:role   what decode.ts makes of it   x@3-5  only in these versions     x@3-  from this one on
 *
 * Text, bytes and arrays may be null everywhere. Structures end with tagged fields in the flexible
 * versions. Invariant: a compiled layout depends on nothing but its key, version and side.
 */
import type { Side } from "../../model/connection.ts";
import { apis, isFlexible } from "./apis.ts";

export const OpKind = {
  fixed: 0,
  text: 1,
  bytes: 2,
  records: 3,
  structs: 4,
  values: 5,
  stop: 6,
} as const;

export const roles = [
  "none",
  "topic",
  "topicId",
  "currentTopic",
  "currentTopicId",
  "learnId",
  "partition",
  "currentPartition",
  "offset",
  "error",
  "fetchError",
  "group",
  "transaction",
  "acks",
  "replica",
  "coordinator",
  "coordinatorType",
  "resourceType",
  "resource",
  "cluster",
] as const;
export type Role = (typeof roles)[number];

export interface Op {
  readonly kind: number;
  readonly role: Role;
  /** fixed: its bytes. */
  readonly size: number;
  /** structs, values: what one element is. */
  readonly body: readonly Op[];
}

export interface Layout {
  readonly ops: readonly Op[];
  readonly flexible: boolean;
}

const RESULT = "4@1- 2:error !";
const THROTTLED = "4 2:error !";
const PLAIN = "2:error !";
const TOPICS = "[ s:topic ";

const requestLayouts: Readonly<Record<number, string>> = {
  0: "s:transaction@3- 2:acks 4 [ s:topic@0-12 u:topicId@13- [ 4:partition r ] ]",
  1:
    "4:replica@0-14 4 4 4@3- 1@4- 4@7- 4@7- " +
    "[ s:topic@0-12 u:topicId@13- [ 4:partition 4@9- 8:offset 4@12- 8@5- 4 ] ] " +
    "[ s@0-12 u@13- (4) ]@7- s@11-",
  2: `4 1@2- ${TOPICS}[ 4:partition 4@4- 8 4@0-0 ] ] 4@10-`,
  3: "[ u:topicId@10- s:topic ] 1@4- 1@8-10 1@8-",
  8:
    "s:group 4@1- s@1- 8@2-4 s@7- " +
    "[ s:topic@0-9 u:topicId@10- [ 4:partition 8:offset 4@6- 8@1-1 s ] ]",
  9:
    `s:group@0-7 ${TOPICS}(4:partition) ]@0-7 ` +
    "[ s:group s@9- 4@9- [ s:topic@0-9 u:topicId@10- (4:partition) ] ]@8- 1@7-",
  10: "s:coordinator@0-3 1:coordinatorType@1- (s:coordinator)@4-",
  11: "s:group 4 4@1- s s@5- s [ s b ] s@8-",
  12: "s:group 4 s s@3-",
  13: "s:group s@0-2 [ s s s@5- ]@3-",
  14: "s:group 4 s s@3- s@5- s@5- [ s b ]",
  17: "s",
  18: "s@3- s@3-",
  19: `${TOPICS}4 2 [ 4 (4) ] [ s s ] ] 4 1@1-`,
  20: "(s:topic)@0-5 [ s:topic u:topicId ]@6- 4",
  21: `${TOPICS}[ 4:partition 8 ] ] 4`,
  22: "s:transaction 4 8@3- 2@3- 1@6- 1@6-",
  24: `s:transaction@0-3 8@0-3 2@0-3 ${TOPICS}(4:partition) ]@0-3 !@4-`,
  25: "s:transaction 8 2 s:group",
  26: "s:transaction 8 2 1",
  28: `s:transaction s:group 8 2 4@3- s@3- s@3- ${TOPICS}[ 4:partition 8:offset 4@2- s ] ]`,
  32: "[ 1:resourceType s:resource (s) ] 1@1- 1@3-",
  37: `${TOPICS}4 [ (4) ] ] 4 1`,
  68: "s:group !",
  76: "s:group !",
  78: "s:group !",
  79: "s:group !",
  88: "s:group !",
};

const responseLayouts: Readonly<Record<number, string>> = {
  0:
    "[ s:currentTopic@0-12 u:currentTopicId@13- " +
    "[ 4 2:error 8:offset 8@2- 8@5- [ 4 s ]@8- s@8- ] ] 4@1-",
  1:
    "4@1- 2:error@7- 4@7- [ s:currentTopic@0-12 u:currentTopicId@13- " +
    "[ 4:currentPartition 2:fetchError 8 8@4- 8@5- [ 8 8 ]@4- 4@11- r ] ]",
  2: "4@2- [ s [ 4 2:error (8)@0-0 8@1- 8:offset@1- 4@4- ] ]",
  3:
    "4@3- [ 4 s 4 s@1- ] s:cluster@2- 4@1- " +
    "[ 2:error s:currentTopic u:learnId@10- 1@1- " +
    "[ 2:error 4 4 4@7- (4) (4) (4)@5- ] 4@8- ] 4@8-10 2:error@13-",
  4: PLAIN,
  5: PLAIN,
  6: PLAIN,
  7: PLAIN,
  8: "4@3- [ s@0-9 u@10- [ 4 2:error ] ]",
  9:
    "4@3- [ s [ 4 8:offset 4@5- s 2:error ] ]@0-7 2:error@2-7 " +
    "[ s [ s@0-9 u@10- [ 4 8:offset 4 s 2:error ] ] 2:error ]@8-",
  10: "4@1- 2:error@0-3 s@1-3 4@0-3 s@0-3 4@0-3 [ s 4 s 4 2:error s ]@4-",
  11: "4@2- 2:error !",
  12: RESULT,
  13: RESULT,
  14: RESULT,
  16: RESULT,
  17: PLAIN,
  18: PLAIN,
  19: "4@2- [ s:currentTopic u:learnId@7- 2:error s@1- 4@5- 2@5- [ s s 1 1 1 ]@5- ]",
  20: "4@1- [ s u@6- 2:error s@5- ]",
  21: "4 [ s [ 4 8 2:error ] ]",
  22: THROTTLED,
  24: "4 2:error@4- [ s [ 4 2:error ] ]@0-3 !@4-",
  25: THROTTLED,
  26: THROTTLED,
  28: "4 [ s [ 4 2:error ] ]",
  29: THROTTLED,
  30: "4 [ 2:error s ]",
  32: "4 [ 2:error s 1 s [ s s 1 1 1 [ s s 1 ]@1- 1@3- s@3- ] ]",
  33: "4 [ 2:error s 1 s ]",
  36: PLAIN,
  37: "4 [ s 2:error s ]",
  38: PLAIN,
  39: PLAIN,
  40: PLAIN,
  41: PLAIN,
  42: "4 [ s 2:error ]",
  44: "4 [ 2:error s 1 s ]",
  47: PLAIN,
  48: THROTTLED,
  50: THROTTLED,
  52: PLAIN,
  53: PLAIN,
  54: PLAIN,
  55: PLAIN,
  56: THROTTLED,
  57: THROTTLED,
  59: THROTTLED,
  60: THROTTLED,
  62: THROTTLED,
  63: THROTTLED,
  64: THROTTLED,
  66: THROTTLED,
  67: THROTTLED,
  68: THROTTLED,
  70: THROTTLED,
  71: THROTTLED,
  72: THROTTLED,
  73: THROTTLED,
  74: THROTTLED,
  76: THROTTLED,
  78: THROTTLED,
  79: THROTTLED,
  80: THROTTLED,
  81: THROTTLED,
  82: THROTTLED,
  88: THROTTLED,
  91: THROTTLED,
  92: THROTTLED,
};

/** Compiled layouts by side, key and version. */
const compiled: Readonly<Record<Side, Map<number, Layout>>> = {
  request: new Map(),
  response: new Map(),
};

const VERSIONS = 64;

/** undefined: nothing is known of the body. */
export function layoutOf(side: Side, key: number, version: number): Layout | undefined {
  const cached = compiled[side].get(key * VERSIONS + version);
  if (cached !== undefined) return cached;
  const text = (side === "request" ? requestLayouts : responseLayouts)[key];
  if (text === undefined || version > (apis[key]?.versionMax ?? -1)) return undefined;
  const tokens = text.split(" ").filter((token) => token !== "");
  const ops = compile({ tokens, next: 0 }, version).ops;
  const layout = { ops, flexible: isFlexible(key, version) };
  compiled[side].set(key * VERSIONS + version, layout);
  return layout;
}

interface Source {
  readonly tokens: readonly string[];
  next: number;
}

/** Fields up to the end of the structure; `range` is what stands behind its bracket. */
function compile(source: Source, version: number): { ops: Op[]; range: string | undefined } {
  const ops: Op[] = [];
  while (source.next < source.tokens.length) {
    const token = source.tokens[source.next++] ?? "";
    const [field = "", range] = token.split("@");
    if (field === "]") return { ops, range };
    if (field === "[") {
      const inner = compile(source, version);
      const op = { kind: OpKind.structs, role: "none", size: 0, body: inner.ops } as const;
      if (isIn(inner.range, version)) ops.push(op);
    } else if (isIn(range, version)) ops.push(compileField(field));
  }
  return { ops, range: undefined };
}

const kinds: Readonly<Record<string, number>> = {
  s: OpKind.text,
  b: OpKind.bytes,
  r: OpKind.records,
  "!": OpKind.stop,
};

function compileField(field: string): Op {
  if (field.startsWith("(")) {
    const body = [compileField(field.slice(1, -1))];
    return { kind: OpKind.values, role: "none", size: 0, body };
  }
  const [type = "", name] = field.split(":");
  const role = roles.find((known) => known === name) ?? "none";
  const size = type === "u" ? 16 : Number(type);
  return { kind: kinds[type] ?? OpKind.fixed, role, size: kinds[type] ? 0 : size, body: [] };
}

function isIn(range: string | undefined, version: number): boolean {
  if (range === undefined) return true;
  const [from, to] = range.split("-");
  return version >= Number(from) && (to === "" || version <= Number(to));
}
