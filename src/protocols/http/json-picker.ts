/**
 * Picks single values out of a JSON text (RFC 8259) that comes in pieces, and passes over all else.
 * Invariant: nothing is kept but the values that were asked for, each to a maximum; depth costs no
 * memory beyond the levels of the asked-for paths; time is linear; a text that is not JSON, or has
 * lost a part, gives what stood before that and no more.
 */
import { latin1Of, textOf } from "../../lib/bytes.ts";

/** Stand for a value that is an object or an array. */
export const JSON_OBJECT = { kind: "object" } as const;
export const JSON_ARRAY = { kind: "array" } as const;
export type Picked = string | number | boolean | null | typeof JSON_OBJECT | typeof JSON_ARRAY;

/** A level of the asked-for paths. */
export interface PickNode {
  /** "" = the value itself was not asked for. */
  path: string;
  readonly keys: Map<string, PickNode>;
  /** The same, as they are written in most texts. */
  readonly names: PickName[];
  items: PickNode | undefined;
  /** Longer strings are given by their beginning; 0 = not at all. */
  beginningBytes: number;
}

interface PickName {
  readonly bytes: Uint8Array;
  readonly node: PickNode;
}

/** Paths such as "usage.total", "choices[].reason"; "text*" = of a long string, its beginning. */
export function pickNodes(paths: readonly string[]): PickNode {
  const root = newNode();
  for (const written of paths) {
    const path = written.replace(/\*$/, "");
    let node = root;
    for (const step of path.split(/\.|(?=\[\])/).filter((part) => part !== "")) {
      if (step === "[]") {
        node.items ??= newNode();
        node = node.items;
      } else {
        node = node.keys.get(step) ?? newKey(node, step);
      }
    }
    node.path = path;
    node.beginningBytes = written.endsWith("*") ? BEGINNING_BYTES_MAX : 0;
  }
  return root;
}

function newNode(): PickNode {
  return { path: "", keys: new Map(), names: [], items: undefined, beginningBytes: 0 };
}

function newKey(parent: PickNode, key: string): PickNode {
  const node = newNode();
  parent.keys.set(key, node);
  parent.names.push({ bytes: new TextEncoder().encode(key), node });
  return node;
}

const VALUE_BYTES_MAX = 256;
const BEGINNING_BYTES_MAX = 4096;

/** What the next byte is. */
const State = {
  value: 0,
  key: 1,
  colon: 2,
  behind: 3,
  text: 4,
  token: 5,
  skip: 6,
  done: 7,
} as const;
type State = (typeof State)[keyof typeof State];

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

export class JsonPicker {
  readonly #root: PickNode;
  readonly #picked: (path: string, value: Picked) => void;
  /** The open containers on asked-for paths. */
  readonly #nodes: PickNode[] = [];
  readonly #arrays: boolean[] = [];
  #state: State = State.value;
  /** What the value that comes next is looked for in; undefined = it is passed over. */
  #next: PickNode | undefined;
  #isKey = false;
  #isEscaped = false;
  #hasEscapes = false;
  #inText = false;
  /** Open containers within a value that is passed over. */
  #depth = 0;
  #kept = new Uint8Array(64);
  #keptBytes = 0;
  #keptMax = 0;
  #isCut = false;
  #isBroken = false;

  constructor(root: PickNode, picked: (path: string, value: Picked) => void) {
    this.#root = root;
    this.#picked = picked;
    this.#next = root;
  }

  /** No more is to come of it: the text is over, is none, or has lost a part. */
  get isOver(): boolean {
    return this.#isBroken || this.#state === State.done;
  }

  get isWhole(): boolean {
    return this.#state === State.done && !this.#isBroken;
  }

  /** A part of the text is missing. */
  break(): void {
    if (this.#state !== State.done) this.#isBroken = true;
  }

  /** Another text begins. */
  restart(): void {
    this.#nodes.length = 0;
    this.#arrays.length = 0;
    this.#state = State.value;
    this.#next = this.#root;
    this.#isBroken = false;
    this.#isEscaped = false;
    this.#inText = false;
    this.#depth = 0;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    let index = start;
    while (index < end && !this.isOver) {
      if (this.#state === State.text) index = this.#text(bytes, index, end);
      else if (this.#state === State.skip) index = this.#skip(bytes, index, end);
      else if (this.#state === State.token) index = this.#token(bytes, index, end);
      else {
        const byte = bytes[index++] ?? 0;
        if (!isSpace(byte)) this.#structure(byte);
      }
    }
  }

  #structure(byte: number): void {
    if (this.#state === State.value) this.#value(byte);
    else if (this.#state === State.key) {
      if (byte === QUOTE) this.#openText(true);
      else if (byte === CLOSE_OBJECT) this.#close(false);
      else this.#isBroken = true;
    } else if (this.#state === State.colon) {
      if (byte === COLON) this.#state = State.value;
      else this.#isBroken = true;
    } else if (byte === COMMA) this.#following();
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#close(byte === CLOSE_ARRAY);
    else this.#isBroken = true;
  }

  #value(byte: number): void {
    const node = this.#next;
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      const isArray = byte === OPEN_ARRAY;
      if (node !== undefined && node.path !== "") {
        this.#picked(node.path, isArray ? JSON_ARRAY : JSON_OBJECT);
      }
      const isWanted = isArray ? node?.items !== undefined : (node?.keys.size ?? 0) > 0;
      if (node === undefined || !isWanted) {
        this.#state = State.skip;
        this.#depth = 1;
        return;
      }
      this.#nodes.push(node);
      this.#arrays.push(isArray);
      this.#next = isArray ? node.items : undefined;
      this.#state = isArray ? State.value : State.key;
    } else if (byte === QUOTE) this.#openText(false);
    else if (byte === CLOSE_ARRAY) this.#close(true);
    else {
      this.#keepFrom(node, VALUE_BYTES_MAX);
      this.#keep(byte);
      this.#state = State.token;
    }
  }

  #openText(isKey: boolean): void {
    this.#isKey = isKey;
    this.#hasEscapes = false;
    this.#isEscaped = false;
    if (isKey) {
      this.#keptBytes = 0;
      this.#isCut = false;
      this.#keptMax = VALUE_BYTES_MAX;
    } else this.#keepFrom(this.#next, Math.max(VALUE_BYTES_MAX, this.#next?.beginningBytes ?? 0));
    this.#state = State.text;
  }

  #keepFrom(node: PickNode | undefined, most: number): void {
    this.#keptBytes = 0;
    this.#isCut = false;
    this.#keptMax = node === undefined || node.path === "" ? 0 : most;
  }

  #keep(byte: number): void {
    if (this.#keptBytes >= this.#keptMax) {
      this.#isCut = true;
      return;
    }
    this.#reserve(1);
    this.#kept[this.#keptBytes++] = byte;
  }

  #keepAll(bytes: Uint8Array, start: number, end: number): void {
    if (this.#keptMax === 0) return;
    const taken = Math.min(end - start, this.#keptMax - this.#keptBytes);
    if (taken < end - start) this.#isCut = true;
    this.#reserve(taken);
    const kept = this.#kept;
    const to = this.#keptBytes;
    for (let index = 0; index < taken; index++) kept[to + index] = bytes[start + index] ?? 0;
    this.#keptBytes = to + taken;
  }

  #reserve(bytes: number): void {
    let { length } = this.#kept;
    if (this.#keptBytes + bytes <= length) return;
    while (length < this.#keptBytes + bytes) length *= 2;
    const more = new Uint8Array(length);
    more.set(this.#kept);
    this.#kept = more;
  }

  #text(bytes: Uint8Array, start: number, end: number): number {
    let index = this.#isEscaped ? start + 1 : start;
    for (; index < end; index++) {
      const byte = bytes[index] ?? 0;
      if (byte === QUOTE) {
        this.#isEscaped = false;
        this.#keepAll(bytes, start, index);
        this.#closeText();
        return index + 1;
      }
      if (byte === BACKSLASH) {
        this.#hasEscapes = true;
        index++;
      } else if (byte < 32) {
        this.#isBroken = true;
        return end;
      }
    }
    // The escaped byte is the next one.
    this.#isEscaped = index > end;
    this.#keepAll(bytes, start, end);
    return end;
  }

  #closeText(): void {
    if (this.#isKey) {
      this.#next = this.#isCut ? undefined : this.#keyNode(this.#nodes.at(-1));
      this.#state = State.colon;
      return;
    }
    const node = this.#next;
    if (node !== undefined && this.#keptMax > 0 && (!this.#isCut || node.beginningBytes > 0)) {
      this.#picked(node.path, this.#keptText());
    }
    this.#behind();
  }

  #keyNode(node: PickNode | undefined): PickNode | undefined {
    if (this.#hasEscapes) return node?.keys.get(this.#keptText());
    for (const name of node?.names ?? []) {
      if (name.bytes.length === this.#keptBytes && this.#isKept(name.bytes)) return name.node;
    }
    return undefined;
  }

  #isKept(name: Uint8Array): boolean {
    const kept = this.#kept;
    for (let index = 0; index < name.length; index++) {
      if (kept[index] !== name[index]) return false;
    }
    return true;
  }

  #keptText(): string {
    const text = textOf(this.#kept, 0, this.#keptBytes);
    if (!this.#hasEscapes) return text;
    // A beginning may end within an escape.
    const whole = this.#isCut ? text.replace(/\\(?:u[0-9a-fA-F]{0,3})?$/, "") : text;
    try {
      return String(JSON.parse(`"${whole}"`));
    } catch {
      return "";
    }
  }

  #token(bytes: Uint8Array, start: number, end: number): number {
    const isKept = this.#keptMax > 0;
    for (let index = start; index < end; index++) {
      const byte = bytes[index] ?? 0;
      if (byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || isSpace(byte)) {
        this.#keepAll(bytes, start, index);
        this.#closeToken();
        return index;
      }
      if (!isKept && (byte === QUOTE || byte === OPEN_OBJECT || byte === OPEN_ARRAY)) {
        this.#isBroken = true;
        return end;
      }
    }
    this.#keepAll(bytes, start, end);
    return end;
  }

  #closeToken(): void {
    const node = this.#next;
    if (node !== undefined && this.#keptMax > 0) {
      const value = this.#isCut ? undefined : tokenOf(latin1Of(this.#kept, 0, this.#keptBytes));
      if (value === undefined) {
        this.#isBroken = true;
        return;
      }
      this.#picked(node.path, value);
    }
    this.#behind();
  }

  #skip(bytes: Uint8Array, start: number, end: number): number {
    let isIn = this.#inText;
    let isEscaped = this.#isEscaped;
    let depth = this.#depth;
    for (let index = start; index < end; index++) {
      const byte = bytes[index] ?? 0;
      if (isIn) {
        if (isEscaped) isEscaped = false;
        else if (byte === QUOTE) isIn = false;
        else if (byte === BACKSLASH) isEscaped = true;
      } else if (byte === QUOTE) isIn = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
      else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && --depth === 0) {
        this.#inText = false;
        this.#isEscaped = false;
        this.#behind();
        return index + 1;
      }
    }
    this.#inText = isIn;
    this.#isEscaped = isEscaped;
    this.#depth = depth;
    return end;
  }

  #behind(): void {
    this.#state = this.#nodes.length === 0 ? State.done : State.behind;
  }

  #following(): void {
    const isArray = this.#arrays.at(-1) === true;
    this.#next = isArray ? this.#nodes.at(-1)?.items : undefined;
    this.#state = isArray ? State.value : State.key;
  }

  #close(isArray: boolean): void {
    if (this.#arrays.at(-1) !== isArray) {
      this.#isBroken = true;
      return;
    }
    this.#nodes.pop();
    this.#arrays.pop();
    this.#behind();
  }
}

function tokenOf(text: string): number | boolean | null | undefined {
  if (text === "null") return null;
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}
