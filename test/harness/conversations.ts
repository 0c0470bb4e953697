/**
 * Every protocol of src/protocols/index.ts with its conversation (test-conversation.ts of its
 * folder). Invariant: a protocol without one is an error, so that none is left out.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { AttributeValue } from "../../src/model/attributes.ts";
import type { Protocol } from "../../src/protocols/contract.ts";
import { protocols } from "../../src/protocols/index.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../src/semconv/http.ts";
import type { Step } from "./stream-cases.ts";

export interface Told {
  readonly name: string;
  readonly attributes: Record<string, AttributeValue>;
}

export interface Conversation {
  readonly steps: readonly Step[];
  /** The number of the exchange that a span tells of. */
  markerOf(told: Told): number | undefined;
}

export interface Subject {
  readonly name: string;
  readonly protocol: Protocol;
  readonly folder: string;
  conversation(count: number): Conversation;
  /** What is spoken on top of the protocol. */
  readonly isOverlay?: boolean;
}

export const policy = { httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT) };
const root = join(import.meta.dir, "../../src/protocols");

/** In the order of detection. */
export async function subjects(): Promise<readonly Subject[]> {
  const folders = readdirSync(root).filter((name) => existsSync(join(root, name, "index.ts")));
  const found: Subject[] = [];
  for (const protocol of protocols) {
    // What comes in datagrams has no stream to be cut or to lose bytes of.
    if (protocol.datagrams === true) continue;
    // Only another protocol's hand-over leads to it: its own test plays both.
    if (protocol.id === "websocket") continue;
    const folder = await folderOf(protocol, folders);
    const { conversation } = await import(join(folder, "test-conversation.ts"));
    // A folder may hold several protocols.
    const own = (count: number) => conversation(count, protocol);
    found.push({ name: protocol.id, protocol, folder, conversation: own });
  }
  return found;
}

async function folderOf(protocol: Protocol, folders: readonly string[]): Promise<string> {
  for (const name of folders) {
    const module: Record<string, unknown> = await import(join(root, name, "index.ts"));
    if (Object.values(module).includes(protocol)) return join(root, name);
  }
  throw new Error(`${protocol.id}: no folder exports it`);
}
