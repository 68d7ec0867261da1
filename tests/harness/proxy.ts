/** A proxy in front of the server. A test can let it fail before or after the server answers a request. */
import { createServer, request as send } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** An answer that does not come from the server, but from something in front of it, such as a gateway. */
export interface Lie {
  status?: number;
  /** `application/json` by default. */
  type?: string;
  headers?: Record<string, string>;
  body: string;
  /** The connection ends in the middle of the body. */
  cut?: boolean;
}

export interface TestProxy {
  url: string;
  /** The paths of all requests. */
  requests: string[];
  /**
   * Loses the answers of the next `count` requests whose path ends like this, after the server has answered them.
   * Unused losses are forgotten at the end of the test.
   */
  loseAnswers(path: string, count: number): void;
  /** Until `up`, gives this answer to requests whose path ends like this, like a platform in front of the server. */
  answer(path: string, status: number, body: string): void;
  /** Until `up`, gives this answer to every request except WebSockets. None reaches the server. */
  lie(lie: Lie): void;
  /** Until `up`, never answers requests whose path ends like this. */
  swallow(path: string): void;
  /** Until `up`, answers no request. Open WebSockets continue. */
  silence(): void;
  /** Resolves when the next request whose path ends like this has arrived completely. */
  requestOf(path: string): Promise<void>;
  /** Until `up`, refuses everything, and ends open connections. */
  down(): void;
  up(): void;
  /** Ends the open WebSockets. */
  closeSockets(): void;
  close(): Promise<void>;
}

export async function startProxy(target: string): Promise<TestProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const webSockets = new Set<Socket>();
  const requests: string[] = [];
  let lost = { path: "", count: 0 };
  const forgetLosses = () => {
    lost = { path: "", count: 0 };
  };
  let given: { path: string; status: number; body: string } | undefined;
  let swallowed: string | undefined;
  let told: Lie | undefined;
  const awaited = new Set<{ path: string; come: () => void }>();
  let isDown = false;
  let isSilent = false;
  const come = (path = "") => {
    for (const one of awaited) {
      if (!path.endsWith(one.path)) continue;
      awaited.delete(one);
      one.come();
    }
  };

  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    if (isSilent) {
      incoming.resume();
      return;
    }
    if (swallowed && incoming.url?.endsWith(swallowed)) {
      incoming.on("end", () => come(incoming.url)).resume();
      return;
    }
    if (told) {
      const { status = 200, type = "application/json", headers = {}, body, cut = false } = told;
      incoming.on("end", () => come(incoming.url)).resume();
      const length = Buffer.byteLength(body) + (cut ? 1 : 0);
      outgoing.writeHead(status, { "content-type": type, "content-length": length, ...headers });
      if (cut) outgoing.write(body, () => incoming.socket.destroy());
      else outgoing.end(body);
      return;
    }
    if (given && incoming.url?.endsWith(given.path)) {
      incoming.resume();
      outgoing.writeHead(given.status, { "content-type": "application/json" }).end(given.body);
      return;
    }
    const upstream = send(
      { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (answer) => {
        const lose = lost.count > 0 && incoming.url?.endsWith(lost.path);
        if (lose) {
          lost.count--;
          // The whole answer has arrived, so the server has committed.
          answer.resume().on("end", () => incoming.socket.destroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    upstream.on("error", () => incoming.socket.destroy());
    incoming.pipe(upstream);
    incoming.on("end", () => come(incoming.url));
  });
  server.on("connection", (socket) => {
    if (isDown) socket.destroy();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (incoming, socket: Socket, head) => {
    const upstream = connect(Number(port), hostname, () => {
      const headers = incoming.rawHeaders.flatMap((name, index, all) =>
        index % 2 === 0 ? `${name}: ${all[index + 1]}` : [],
      );
      upstream.write(`GET ${incoming.url} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    webSockets.add(socket);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => {
        other.destroy();
        webSockets.delete(socket);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const end = (open: Set<Socket>) => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    loseAnswers: (path, count) => {
      lost = { path, count };
      onTestFinished(forgetLosses);
    },
    answer: (path, status, body) => {
      given = { path, status, body };
    },
    lie: (lie) => {
      told = lie;
    },
    swallow: (path) => {
      swallowed = path;
    },
    silence: () => {
      isSilent = true;
    },
    requestOf: (path) =>
      new Promise((resolve) => {
        awaited.add({ path, come: resolve });
      }),
    down: () => {
      isDown = true;
      end(sockets);
    },
    up: () => {
      isDown = false;
      isSilent = false;
      forgetLosses();
      given = undefined;
      swallowed = undefined;
      told = undefined;
    },
    closeSockets: () => end(webSockets),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        end(sockets);
      }),
  };
}
