import { once } from "node:events";
import { WebSocket } from "ws";

/** A received frame: text, or bytes as Latin-1, so that both compare as strings. */
export interface Received {
  binary: boolean;
  text: string;
}

/** A WebSocket whose frames are awaited one by one. */
export class RawClient {
  readonly socket: WebSocket;
  readonly frames: Received[] = [];
  #closeCode: number | undefined;
  #arrived: (() => void) | undefined;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, { headers, perMessageDeflate: false });
    this.socket.on("message", (data: Buffer, binary) => {
      this.frames.push({ binary, text: data.toString(binary ? "latin1" : "utf8") });
      this.#arrived?.();
    });
    this.socket.on("error", () => {});
    this.socket.on("close", (code) => {
      this.#closeCode = code;
    });
  }

  async open(): Promise<this> {
    if (this.socket.readyState !== WebSocket.OPEN) await once(this.socket, "open");
    return this;
  }

  /** The HTTP answer to a connection that was refused. */
  async refused(): Promise<{ status: number; type: string | undefined; body: string }> {
    const [, response] = await once(this.socket, "unexpected-response");
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return {
      status: response.statusCode,
      type: response.headers["content-type"],
      body: Buffer.concat(chunks).toString(),
    };
  }

  send(frame: string | Buffer): void {
    this.socket.send(frame);
  }

  /** Waits for the first frame that matches, and takes it out of `frames`. */
  async take(fits: (frames: Received[]) => number, what: string, ms = 15_000): Promise<Received> {
    const deadline = Date.now() + ms;
    for (;;) {
      const index = fits(this.frames);
      const [frame] = index < 0 ? [] : this.frames.splice(index, 1);
      if (frame) return frame;
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(`Expected ${what}\nreceived ${this.frames.map((f) => f.text).join("\n")}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Waits until the socket is closed, and returns the close code. */
  async closed(): Promise<number> {
    if (this.#closeCode !== undefined) return this.#closeCode;
    const [code] = await once(this.socket, "close");
    return code;
  }
}
