import { createServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { host, listen } from "./ports.ts";

export interface HttpOptions {
  fetch(request: Request): Response | Promise<Response>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** The only port to use. Without it, the default port is used, or another free one. */
  port?: number | undefined;
}

export interface Http {
  port: number;
  url: string;
  close(): Promise<void>;
}

/** Ports are tried in steps of ten, so that the next port is free for the instance's database. */
const ports = { from: 54321, step: 10 };

/** Serves on a loopback port. */
export async function serveHttp(options: HttpOptions): Promise<Http> {
  // Do not replace the global Response and Request, because libraries compare with them.
  const listener = getRequestListener(options.fetch, { overrideGlobalObjects: false });
  const server = createServer(listener);
  server.on("upgrade", options.upgrade);
  const named = options.port === undefined ? ports : { port: options.port };
  const port = await listen(server, named, "--port");
  return {
    port,
    url: `http://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * The same request with other headers. The listener's requests are not real Requests, so `new
 * Request(request, …)` throws on them.
 */
export function withHeaders(request: Request, headers: Headers): Request {
  const { url, method, body, signal } = request;
  const rest = body === null ? {} : { body, duplex: "half" as const };
  return new Request(url, { method, headers, signal, ...rest });
}
