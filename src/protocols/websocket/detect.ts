/** Whether bytes are the beginning of WebSocket: its frames hold nothing to tell them by. */
import type { Detection } from "../contract.ts";

/** Only the 101 of HTTP/1 leads here. */
export function detect(): Detection {
  return "no";
}
