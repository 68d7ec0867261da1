import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { connect, type Socket } from "node:net";
import { code, cstring, frames, int32, message } from "../../../local/src/db/protocol.ts";

/** A bare wire client that sends and receives single messages. */
export class Wire {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  ended = false;
  pid = 0;
  secret = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk as Buffer]);
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.ended = true;
      this.#wake();
    });
  }

  static async open(port: number, password: string, user = "postgres"): Promise<Wire> {
    const wire = new Wire(connect(port, "127.0.0.1"));
    const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0postgres\0\0`);
    wire.send(Buffer.concat([int32(body.length + 4), body]));
    await wire.next("R");
    const bare = "n=,r=abcdefghij";
    const first = Buffer.from(`n,,${bare}`);
    wire.send(message("p", "SCRAM-SHA-256", int32(first.length), first));
    const server = (await wire.next("R")).subarray(4).toString();
    const field = (name: string) => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(server)?.[1] ?? "";
    const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
    const salt = Buffer.from(field("s"), "base64");
    const key = hmac(pbkdf2Sync(password, salt, Number(field("i")), 32, "sha256"), "Client Key");
    const proofless = `c=biws,r=${field("r")}`;
    const stored = createHash("sha256").update(key).digest();
    const signature = hmac(stored, `${bare},${server},${proofless}`);
    const proof = Buffer.from(key.map((byte, i) => byte ^ (signature[i] as number)));
    wire.send(message("p", Buffer.from(`${proofless},p=${proof.toString("base64")}`)));
    const keyData = await wire.next("K");
    wire.pid = keyData.readInt32BE(0);
    wire.secret = keyData.readInt32BE(4);
    await wire.next("Z");
    return wire;
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** The body of the next message of a type. Messages before it are skipped. */
  async next(type: string): Promise<Buffer> {
    for (;;) {
      for (const frame of frames(this.#bytes)) {
        if (frame.end > this.#bytes.length) break;
        if (frame.type !== code(type)) continue;
        const body = this.#bytes.subarray(frame.start + 5, frame.end);
        this.#bytes = this.#bytes.subarray(frame.end);
        return body;
      }
      if (this.ended) throw new Error(`the connection ended before ${type}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The types of the messages up to the next of `last`, and the text of data and errors. */
  async until(last: string): Promise<string[]> {
    const seen: string[] = [];
    for (;;) {
      const frame = frames(this.#bytes).next().value;
      if (!frame || frame.end > this.#bytes.length) {
        if (this.ended) return [...seen, "end"];
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const body = this.#bytes.subarray(5, frame.end);
      this.#bytes = this.#bytes.subarray(frame.end);
      const type = String.fromCharCode(frame.type);
      if (type === "E") seen.push(`E${/\0C(\w{5})/.exec(body.toString())?.[1]}`);
      else if (type === "D") seen.push(`D${body.subarray(6).toString()}`);
      else if (type === "Z") seen.push(`Z${body.toString()}`);
      else if (type === "C") seen.push(`C${cstring(body, 0).value}`);
      else if (type !== "S" && type !== "N") seen.push(type);
      if (type === last) return seen;
    }
  }

  end(): void {
    this.#socket.destroy();
  }
}

const none = Buffer.alloc(2);
export const parse = (name: string, sql: string): Buffer => message("P", name, sql, none);
export const bind = (statement: string, portal = ""): Buffer =>
  message("B", portal, statement, none, none, none);
export const describe = (statement: string): Buffer => message("D", Buffer.from("S"), statement);
export const execute = (rows = 0): Buffer => message("E", "", int32(rows));
export const flush = message("H");
