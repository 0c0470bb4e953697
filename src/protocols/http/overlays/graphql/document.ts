/**
 * The operations of a GraphQL document (GraphQL specification, October 2021, section 2.3), found
 * without parsing selections. Invariant: strings, comments and what stands in brackets are passed
 * over; time is linear; nothing but types and names is given.
 */

export type OperationType = "query" | "mutation" | "subscription";

export interface Operation {
  readonly type: OperationType;
  readonly name: string | undefined;
}

const OPERATIONS_MAX = 64;
/** A name, a string (block strings first), a comment, or one other character. */
const TOKEN =
  /[_A-Za-z][_0-9A-Za-z]*|"""[\s\S]*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?|#[^\n]*|[^\s,\uFEFF]/g;

function isType(token: string): token is OperationType {
  return token === "query" || token === "mutation" || token === "subscription";
}

/** All operations; undefined = it is no document. A text may be cut off at its end. */
export function operationsOf(text: string): Operation[] | undefined {
  const operations: Operation[] = [];
  let depth = 0;
  /** What stands before the next selection: its first two words. */
  let words: string[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.startsWith("#")) continue;
    if (token === "{" || token === "(" || token === "[") {
      if (depth === 0 && token === "{") {
        if (!define(words, operations)) return undefined;
        words = [];
      }
      depth++;
    } else if (token === "}" || token === ")" || token === "]") {
      if (--depth < 0) return undefined;
    } else if (depth === 0) {
      if (words.length === 0 && !isType(token) && token !== "fragment") return undefined;
      if (words.length < 2) words.push(token);
    }
    if (operations.length >= OPERATIONS_MAX) break;
  }
  return operations.length > 0 || words[0] === "fragment" ? operations : undefined;
}

function define([first, second]: readonly string[], operations: Operation[]): boolean {
  if (first === undefined) operations.push({ type: "query", name: undefined });
  else if (isType(first)) {
    const isName = second !== undefined && /^[_A-Za-z]/.test(second);
    operations.push({ type: first, name: isName ? second : undefined });
  } else return first === "fragment";
  return true;
}

/** The one that is executed (section 6.1, GetOperation). */
export function executed(
  operations: readonly Operation[],
  name: string | undefined,
): Operation | undefined {
  if (name !== undefined) return operations.find((operation) => operation.name === name);
  return operations.length === 1 ? operations[0] : undefined;
}
