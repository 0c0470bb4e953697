/**
 * Producers for tests of the hook stage: a ring in plain memory (RingWriter), and real processes
 * that register and write as libolly does (FakeLibrary). Invariant: written from olly_wire.h, not
 * from the agent's reader.
 */
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { SharedMemory } from "../../src/hook/shared-memory.ts";
import { createSystemClock } from "../../src/host/system-clock.ts";
import type { Clock } from "../../src/model/clock.ts";
import { decodeMessage } from "../../src/wire/decode.ts";
import { decodeProcessHello } from "../../src/wire/process-hello.ts";

/** The wire stage as the agent hands it to the intake. */
export const wire = { message: decodeMessage, processHello: decodeProcessHello };

/** Sealed as the contract demands. */
export const ALL_SEALS = 7;

export class FakeClock implements Clock {
  nowNs: number;

  constructor(nowNs = 1e12) {
    this.nowNs = nowNs;
  }

  monotonicNs(): number {
    return this.nowNs;
  }

  unixOffset(): { high: number; low: number } {
    return { high: 0, low: 0 };
  }
}

/** CLOCK_MONOTONIC, which the processes of ring-writer.c read too. */
export const monotonicClock: Clock = createSystemClock();

/** mulberry32: the same numbers for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface MessageFields {
  readonly type?: number;
  readonly flags?: number;
  readonly sequence?: number;
  readonly pid?: number;
  readonly tid?: number;
  readonly fd?: number;
  readonly payloadLength?: number;
  readonly wireLength?: number;
  readonly timeNs?: number;
  readonly payload?: Uint8Array | string;
}

/** The bytes of one message, header and payload. */
export function messageBytes(fields: MessageFields): Uint8Array<ArrayBuffer> {
  const payload = Buffer.from(fields.payload ?? "");
  const bytes = new Uint8Array(32 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = fields.type ?? 2;
  bytes[1] = fields.flags ?? 0;
  view.setUint16(2, fields.sequence ?? 0, true);
  view.setUint32(4, fields.pid ?? 77, true);
  view.setUint32(8, fields.tid ?? 78, true);
  view.setInt32(12, fields.fd ?? 5, true);
  view.setUint32(16, fields.payloadLength ?? payload.length, true);
  view.setUint32(20, fields.wireLength ?? 0, true);
  view.setBigUint64(24, BigInt(fields.timeNs ?? 1000), true);
  bytes.set(payload, 32);
  return bytes;
}

/** The producer's side of a ring in the memory of this process. */
export class RingWriter {
  readonly memory: SharedMemory;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly dataBytes: number;
  /** What was given back, as [start, end) of the data. */
  readonly discarded: [number, number][] = [];
  released = false;

  constructor(dataBytes = 65_536) {
    const buffer = new ArrayBuffer(4096 + dataBytes);
    this.memory = {
      buffer,
      discard: (start, end) => {
        this.discarded.push([start - 4096, end - 4096]);
        this.bytes.fill(0, start, end);
      },
      release: () => {
        this.released = true;
      },
    };
    this.view = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
    this.dataBytes = dataBytes;
    this.view.setUint32(0, 0x31524c4f, true);
    this.view.setUint32(4, 1, true);
    this.view.setUint32(8, dataBytes, true);
    this.view.setBigUint64(136, BigInt(dataBytes), true);
  }

  get head(): number {
    return Number(this.view.getBigUint64(64, true));
  }

  set head(position: number) {
    this.view.setBigUint64(64, BigInt(position), true);
  }

  get tail(): number {
    return Number(this.view.getBigUint64(128, true));
  }

  get limit(): number {
    return Number(this.view.getBigUint64(136, true));
  }

  setCounter(index: number, count: number): void {
    this.view.setBigUint64(192 + 8 * index, BigInt(count), true);
  }

  /** Reserves room; -1 when the ring is full. Commits the padding that this takes. */
  reserve(length: number): number {
    const { head, dataBytes } = this;
    const toEnd = dataBytes - (head % dataBytes);
    const padding = length > toEnd ? toEnd : 0;
    if (head + padding + length > this.limit) return -1;
    this.head = head + padding + length;
    if (padding > 0) this.commit(head, (0x80000000 | padding) >>> 0);
    return head + padding;
  }

  /** Stores a record's word. */
  commit(position: number, low: number): void {
    const at = 4096 + (position % this.dataBytes);
    const stamp = Number(BigInt.asUintN(32, BigInt(position) >> 3n)) ^ 0x6f6c6c79;
    this.view.setUint32(at, low, true);
    this.view.setUint32(at + 4, stamp >>> 0, true);
  }

  /** Writes one record; false when the ring is full. */
  put(fields: MessageFields): boolean {
    const message = messageBytes(fields);
    const length = Math.ceil((8 + message.length) / 8) * 8;
    const position = this.reserve(length);
    if (position < 0) return false;
    this.bytes.set(message, 4096 + (position % this.dataBytes) + 8);
    this.commit(position, length);
    return true;
  }
}

let compiled: string | undefined;

/** The program built from ring-writer.c; built again when it or the wire header has changed. */
export function ringWriterProgram(): string {
  if (compiled !== undefined) return compiled;
  const source = join(import.meta.dir, "ring-writer.c");
  const header = join(import.meta.dir, "../../libolly/include/olly_wire.h");
  const digest = new Bun.CryptoHasher("sha256");
  for (const file of [source, header]) digest.update(readFileSync(file));
  const directory = join(import.meta.dir, "../../build/test");
  const path = join(directory, `ring-writer-${digest.digest("hex").slice(0, 16)}`);
  if (!existsSync(path)) {
    mkdirSync(directory, { recursive: true });
    const draft = `${path}.${process.pid}`;
    const built = Bun.spawnSync(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", draft, source]);
    if (built.exitCode !== 0) throw new Error(built.stderr.toString());
    renameSync(draft, path);
  }
  compiled = path;
  return path;
}

/** A process that obeys commands; see ring-writer.c. */
export class FakeLibrary {
  readonly pid: number;
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: AsyncIterator<string>;

  private constructor(
    process: Bun.Subprocess<"pipe", "pipe", "inherit">,
    answers: AsyncIterator<string>,
  ) {
    this.#process = process;
    this.#answers = answers;
    this.pid = process.pid;
  }

  /** `prefix`: a command that starts the program, such as setpriv. */
  static async start(
    options: { prefix?: string[]; env?: Record<string, string> } = {},
  ): Promise<FakeLibrary> {
    const child = Bun.spawn([...(options.prefix ?? []), ringWriterProgram()], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      env: { ...process.env, ...options.env },
    });
    const library = new FakeLibrary(child, linesOf(child.stdout));
    const ready = await library.#answer();
    if (ready !== `ready ${child.pid}`) throw new Error(`unexpected: ${ready}`);
    return library;
  }

  /** Sends a command and waits until it is done; the answer is "ok" or "failed ERRNO". */
  async send(...words: (string | number)[]): Promise<string> {
    const line = words.map((word) => String(word).replaceAll(" ", "\x1f")).join(" ");
    this.#process.stdin.write(`${line}\n`);
    await this.#process.stdin.flush();
    return this.#answer();
  }

  /** Registers with a ring. */
  hello(socket: string, dataBytes = 65_536, ...pairs: string[]): Promise<string> {
    return this.send("hello", socket, dataBytes, ALL_SEALS, ...pairs);
  }

  /** Ends the process by SIGKILL and waits until it is gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async #answer(): Promise<string> {
    const next = await this.#answers.next();
    return next.done === true ? "ended" : next.value;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
