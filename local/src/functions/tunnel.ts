import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { FunctionsProcess } from "./child.ts";
import { REQUEST_ID_HEADER, SECRET_HEADER } from "./protocol.ts";

/**
 * Passes the connection of a WebSocket to the process, which handles it like any request to the
 * function.
 */
export function tunnel(
  process: FunctionsProcess,
  what: { request: IncomingMessage; socket: Duplex; head: Buffer; path: string; requestId: string },
): void {
  const { request, socket, head, path, requestId } = what;
  const done = process.begin();
  const upstream = connect(process.port, "127.0.0.1", () => {
    const own = [SECRET_HEADER, REQUEST_ID_HEADER];
    const lines = [`GET ${path} HTTP/1.1`];
    for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
      const name = request.rawHeaders[at] ?? "";
      if (!own.includes(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[at + 1]}`);
    }
    lines.push(`${SECRET_HEADER}: ${process.secret}`, `${REQUEST_ID_HEADER}: ${requestId}`);
    upstream.write(`${lines.join("\r\n")}\r\n\r\n`);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  });
  const end = () => {
    socket.destroy();
    upstream.destroy();
    done();
  };
  for (const side of [upstream, socket]) side.on("error", end).on("close", end);
}

/** Refuses before there is a WebSocket, with an ordinary answer. */
export async function refuse(socket: Duplex, response: Response): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  const first = `HTTP/1.1 ${response.status} Refused`;
  const lines = [first, ...headers, `content-length: ${body.length}`, "connection: close"];
  socket.end(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]));
}
