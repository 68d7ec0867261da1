import type { AddressInfo, Server } from "node:net";

export const host = "127.0.0.1";
/** How many ports to try if none was named. */
const attempts = 100;

/** A named port, or where to look for a free one. */
export type PortChoice = { port: number } | { from: number; step: number };

/**
 * Listens on a loopback port: only the named one, or the first free one. It tries a port by
 * listening, so that two simultaneous starts do not choose the same one.
 *
 * @param option the option with which a person can choose another port, for the error message.
 */
export async function listen(server: Server, choice: PortChoice, option: string): Promise<number> {
  const ports =
    "port" in choice
      ? [choice.port]
      : Array.from({ length: attempts }, (_, n) => choice.from + n * choice.step);
  for (const port of ports.filter((port) => port <= 65_535)) {
    const error = await attempt(server, port);
    if (!error) return (server.address() as AddressInfo).port;
    if (error.code === "EACCES") throw new Error(`This process may not use port ${port}.`);
    if (error.code !== "EADDRINUSE") throw error;
  }
  throw new Error(
    "port" in choice
      ? `Port ${choice.port} is in use. Stop what listens there, or choose another with ${option}.`
      : `No port is free from ${choice.from} on. Choose one with ${option}.`,
  );
}

function attempt(server: Server, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    server.once("error", resolve);
    server.listen(port, host, () => {
      server.off("error", resolve);
      resolve(null);
    });
  });
}
