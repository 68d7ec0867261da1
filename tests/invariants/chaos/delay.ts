/** A proxy in front of Postgres that delays each statement and counts connections. */
import { connect, createServer, type Socket } from "node:net";

export interface SlowWay {
  url: string;
  /** How many connections are open, and how many were open at most. */
  open(): number;
  most(): number;
  /** The delay of each statement, in milliseconds. */
  delayMs: number;
  /** Ends all open connections. New connections are accepted. */
  cut(): void;
  close(): Promise<void>;
}

export async function startSlowWay(target: string, delayMs: number): Promise<SlowWay> {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  let open = 0;
  let most = 0;
  const way = { delayMs } as SlowWay;

  const server = createServer((client) => {
    const upstream = connect(Number(to.port || 5432), to.hostname);
    open++;
    most = Math.max(most, open);
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      open--;
      client.destroy();
      upstream.destroy();
      sockets.delete(client);
    };
    sockets.add(client);
    // The delay of a chunk begins when that of the chunk before has ended, so that chunks stay in order.
    let before = Promise.resolve();
    client.on("data", (chunk) => {
      before = before
        .then(() => new Promise<void>((resolve) => setTimeout(resolve, way.delayMs)))
        .then(() => void upstream.write(chunk));
    });
    upstream.pipe(client);
    for (const socket of [client, upstream]) {
      socket.on("error", end);
      socket.on("close", end);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(target);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as { port: number }).port);
  return Object.assign(way, {
    url: url.href,
    open: () => open,
    most: () => most,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  });
}
