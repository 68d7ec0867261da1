import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";

export interface HttpOptions {
  fetch(request: Request): Response | Promise<Response>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** This one and no other; without it the default or the next that is free. */
  port?: number | undefined;
}

export interface Http {
  port: number;
  url: string;
  close(): Promise<void>;
}

const defaultPort = 54321;
/** How many ports are tried from the default on. */
const attempts = 100;

/** Serves on a loopback port. */
export async function serveHttp(options: HttpOptions): Promise<Http> {
  // Its own Response and Request would not be those that libraries compare with.
  const listener = getRequestListener(options.fetch, { overrideGlobalObjects: false });
  const server = createServer(listener);
  server.on("upgrade", options.upgrade);
  const port = await listen(server, options.port);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The first port from `first` on where nothing listens. */
export async function freePort(first: number): Promise<number> {
  const server = createServer();
  const port = await listen(server, undefined, first);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listen(
  server: Server,
  wanted: number | undefined,
  fallback = defaultPort,
): Promise<number> {
  const first = wanted ?? fallback;
  const last = wanted === undefined ? first + attempts - 1 : first;
  for (let port = first; port <= last; port++) {
    const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      server.once("error", resolve);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", resolve);
        resolve(null);
      });
    });
    if (!error) return (server.address() as AddressInfo).port;
    if (error.code === "EACCES")
      throw new Error(`Port ${port} needs rights that this process does not have.`);
    if (error.code !== "EADDRINUSE") throw error;
  }
  throw new Error(
    wanted === undefined
      ? `No free port between ${first} and ${last}. Name one with --port.`
      : `Port ${wanted} is in use. Stop what listens there, or name another with --port.`,
  );
}
