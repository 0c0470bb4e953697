/**
 * A keep-alive HTTP/1.1 client over one TCP connection, for loads whose connections are counted.
 * Invariant: one request is on its way at a time, and the connection is never replaced in silence.
 */
import { connect, type Socket } from "node:net";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Reads answers with a Content-Length only; anything else is an error. */
export class KeepAliveClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #waiting: ((answer: HttpAnswer | Error) => void) | undefined;
  #failure: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.#take(Buffer.from(bytes)));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  static open(port: number): Promise<KeepAliveClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new KeepAliveClient(socket));
      });
    });
  }

  get(path: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting = (answer) => (answer instanceof Error ? reject(answer) : resolve(answer));
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    });
  }

  close(): void {
    this.#failure = new Error("closed by this client");
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) {
      return;
    }
    const head = this.#received.toString("latin1", 0, headEnd);
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    if (length === undefined) {
      this.#fail(new Error(`an answer without Content-Length: ${head}`));
      return;
    }
    const end = headEnd + 4 + Number(length);
    if (this.#received.length >= end) {
      const body = this.#received.toString("utf8", headEnd + 4, end);
      this.#received = this.#received.subarray(end);
      this.#settle({ status: Number(head.slice(9, 12)), body });
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settle(this.#failure);
  }

  #settle(answer: HttpAnswer | Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(answer);
  }
}
