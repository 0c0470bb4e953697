/**
 * Every protocol of src/protocols/index.ts with its conversation (test-conversation.ts of its
 * folder). Invariant: a protocol without one is an error, so that none is left out.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { AttributeValue } from "../../src/model/attributes.ts";
import { asProtocol, type Protocol } from "../../src/protocols/contract.ts";
import { protocols } from "../../src/protocols/index.ts";
import { websocket } from "../../src/protocols/websocket/index.ts";
import { conversation as webSocketConversation } from "../../src/protocols/websocket/test-conversation.ts";
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
  /** Told by this one, to which the protocol hands the connection over, as one exchange. */
  readonly next?: Protocol;
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
    // Only another protocol's hand-over leads to it.
    if (protocol === asProtocol(websocket)) continue;
    const folder = await folderOf(protocol, folders);
    const { conversation } = await import(join(folder, "test-conversation.ts"));
    // A folder may hold several protocols.
    const own = (count: number) => conversation(count, protocol);
    found.push({ name: protocol.id, protocol, folder, conversation: own });
  }
  return found;
}

/** A connection of HTTP/1 that becomes one of WebSocket: a single exchange, however long. */
export function webSocketSubject(own: readonly Subject[]): Subject[] {
  const { protocol } = own.find((subject) => subject.name === "http") ?? {};
  if (protocol === undefined) return [];
  const folder = join(root, "websocket");
  const subject = { name: "websocket", protocol, folder, conversation: webSocketConversation };
  return [{ ...subject, isOverlay: true, next: asProtocol(websocket) }];
}

async function folderOf(protocol: Protocol, folders: readonly string[]): Promise<string> {
  for (const name of folders) {
    const module: Record<string, unknown> = await import(join(root, name, "index.ts"));
    if (Object.values(module).includes(protocol)) return join(root, name);
  }
  throw new Error(`${protocol.id}: no folder exports it`);
}
