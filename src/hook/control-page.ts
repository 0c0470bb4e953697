/**
 * The control page: one file of 4096 bytes that every hooked process maps. Invariant: it is never
 * replaced, truncated or removed, so that processes hooked long ago still see every change; the
 * byte that switches hooks on is written last.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { reasonOf } from "../lib/setup-error.ts";
import { limits } from "../limits.ts";
import {
  CONTROL_BYTES,
  childrenMode,
  controlOffset,
  controlSwitch,
  REFUSED_MAX,
  RING_VERSION,
} from "./layout.ts";
import { HookSetupError } from "./setup-error.ts";

const OPEN_CLOEXEC = 0o2000000;
/** Processes of any user map it read-only. */
const CONTROL_MODE = 0o644;

export type Children = keyof typeof childrenMode;

/** The page's fields as they are in the file. */
export interface ControlState {
  readonly active: boolean;
  /** Tracing was on when the last agent ended in order: an on-demand agent goes on with it. */
  readonly resume: boolean;
  readonly version: number;
  /** Changes when an agent starts. */
  readonly agentEpoch: number;
  /** Changes at every start of tracing. */
  readonly activation: number;
  readonly captureBytesMax: number;
  readonly logCapture: boolean;
  /** What environment the children of hooked programs get. */
  readonly children: number;
}

export interface ControlSettings {
  /**
   * True: an agent that starts leaves tracing as the page says it is (a new page says off), so
   * that a `trace start` outlives a restart. False: tracing is on from now on.
   */
  readonly onDemand: boolean;
  /** Captured bytes of one call, at most limits.captureBytesMax. */
  readonly captureBytesMax: number;
  readonly logCapture: boolean;
  readonly children: Children;
}

export class ControlPage {
  readonly path: string;
  readonly #fd: number;
  #closed = false;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Creates the file when it is missing. The directory must exist. Fails with HookSetupError. */
  static create(path: string): ControlPage {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | OPEN_CLOEXEC;
    const page = new ControlPage(path, openFile(path, flags));
    try {
      const about = fstatSync(page.#fd);
      if (!about.isFile()) throw new HookSetupError(`${path} is not a regular file`);
      // Growing is safe for those who have it mapped; shrinking would make their hooks fault.
      if (about.size < CONTROL_BYTES) ftruncateSync(page.#fd, CONTROL_BYTES);
      if ((about.mode & 0o777) !== CONTROL_MODE) fchmodSync(page.#fd, CONTROL_MODE);
      return page;
    } catch (error) {
      page.close();
      if (error instanceof HookSetupError) throw error;
      throw new HookSetupError(`cannot prepare ${path}: ${reasonOf(error)}`);
    }
  }

  /** For `olly trace`: an existing page, with or without an agent. Fails with HookSetupError. */
  static open(path: string): ControlPage {
    const flags = constants.O_RDWR | constants.O_NOFOLLOW | OPEN_CLOEXEC;
    return ControlPage.#checked(new ControlPage(path, openFile(path, flags)));
  }

  /** For `olly trace status`: as open, but setActive and start cannot be used. */
  static openReadOnly(path: string): ControlPage {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | OPEN_CLOEXEC;
    return ControlPage.#checked(new ControlPage(path, openFile(path, flags)));
  }

  static #checked(page: ControlPage): ControlPage {
    const about = fstatSync(page.#fd);
    if (about.isFile() && about.size >= CONTROL_BYTES) return page;
    page.close();
    throw new HookSetupError(`${page.path} is not a control page`);
  }

  read(): ControlState {
    const bytes = Buffer.alloc(controlOffset.children + 4);
    readSync(this.#fd, bytes, 0, bytes.length, 0);
    return {
      active: bytes[controlOffset.active] === 1,
      resume: bytes[controlOffset.resume] === 1,
      version: bytes.readUInt32LE(controlOffset.version),
      agentEpoch: bytes.readUInt32LE(controlOffset.agentEpoch),
      activation: bytes.readUInt32LE(controlOffset.activation),
      captureBytesMax: bytes.readUInt32LE(controlOffset.captureBytesMax),
      logCapture: (bytes.readUInt32LE(controlOffset.switches) & controlSwitch.logCapture) !== 0,
      children: bytes.readUInt32LE(controlOffset.children),
    };
  }

  /** A new agent listens: processes hand over new rings. To be called once the socket is open. */
  start(settings: ControlSettings): void {
    const before = this.read();
    this.configure(settings);
    this.setRingWaiting(limits.ringDataBytes);
    this.#writeField(controlOffset.version, RING_VERSION);
    this.#writeField(controlOffset.agentEpoch, (before.agentEpoch + 1) >>> 0);
    this.setActive(settings.onDemand ? before.active || before.resume : true);
  }

  /** Changes what is captured, without a restart. */
  configure(settings: Omit<ControlSettings, "onDemand">): void {
    const captured = Math.min(Math.max(settings.captureBytesMax, 0), limits.captureBytesMax);
    this.#writeField(controlOffset.captureBytesMax, captured);
    this.#writeField(controlOffset.switches, settings.logCapture ? controlSwitch.logCapture : 0);
    this.#writeField(controlOffset.children, childrenMode[settings.children]);
  }

  /** So much may wait in the ring of a process that starts, until the agent has seen it. */
  setRingWaiting(bytes: number): void {
    this.#writeField(controlOffset.ringWaitingBytes, bytes);
  }

  /** Tells a process that has no ring that nothing of it is wanted. `token`: of its hello. */
  refuse(token: bigint): void {
    const bytes = Buffer.alloc(8);
    readSync(this.#fd, bytes, 0, 4, controlOffset.refusals);
    const refusals = bytes.readUInt32LE(0);
    bytes.writeBigUInt64LE(token);
    this.#write(bytes, controlOffset.refused + 8 * (refusals % REFUSED_MAX));
    this.#writeField(controlOffset.refusals, (refusals + 1) >>> 0);
  }

  /** Nobody listens for a while: programs pay nothing, and the next agent knows what was on. */
  suspend(): void {
    const { active } = this.read();
    this.setActive(false);
    this.#write(Uint8Array.of(active ? 1 : 0), controlOffset.resume);
  }

  /** Switches tracing on or off. On: descriptors that are open already are announced again. */
  setActive(active: boolean): void {
    this.#write(Uint8Array.of(0), controlOffset.resume);
    if (active) {
      this.#writeField(controlOffset.activation, (this.read().activation + 1) >>> 0);
    }
    this.#write(Uint8Array.of(active ? 1 : 0), controlOffset.active);
  }

  /** Closes the descriptor; the file stays as it is. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  #writeField(offset: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    this.#write(bytes, offset);
  }

  #write(bytes: Uint8Array, offset: number): void {
    try {
      writeSync(this.#fd, bytes, 0, bytes.length, offset);
    } catch (error) {
      throw new HookSetupError(`cannot write ${this.path}: ${reasonOf(error)}`);
    }
  }
}

function openFile(path: string, flags: number): number {
  try {
    return openSync(path, flags, CONTROL_MODE);
  } catch (error) {
    throw new HookSetupError(`cannot open the control page ${path}: ${reasonOf(error)}`);
  }
}
