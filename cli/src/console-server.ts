import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { Failure } from "./failure.ts";
import { sourceFolder } from "./source.ts";

/** The configuration of the page: the project's URL, and the publishable key. */
export interface ConsoleProject {
  url: string;
  /** The publishable key. */
  key: string;
}

const files = join(sourceFolder, "console/dist");
const types: Record<string, string> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  woff2: "font/woff2",
};

/** The page may talk to its project, and to nobody else. */
function policyOf({ url }: ConsoleProject): string {
  const { origin, host, protocol } = new URL(url);
  const socket = `${protocol === "https:" ? "wss" : "ws"}://${host}`;
  return `default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self' ${origin} ${socket}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'`;
}

/** Serves the built console on this machine only. */
export async function serveConsole(
  project: ConsoleProject,
  port: number,
): Promise<{ url: string; close(): Promise<void> }> {
  if ((await readFile(join(files, "index.html")).catch(() => null)) === null)
    throw new Failure("The console is not built.", { hint: "Build it: npm run build:console" });
  const policy = policyOf(project);
  const send = (response: ServerResponse, status: number, type: string, body: string | Buffer) => {
    response.writeHead(status, {
      "content-type": type,
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
    });
    response.end(body);
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://console");
    const name = pathname.slice(1) || "index.html";
    if (name === "config.json")
      return send(response, 200, "application/json", JSON.stringify({ ...project, local: false }));
    const known = /^(assets\/)?\w[\w.-]*$/.test(name);
    const body = known ? await readFile(join(files, name)).catch(() => null) : null;
    if (!body) return send(response, 404, "text/plain", "There is no such file.\n");
    send(response, 200, types[name.split(".").at(-1) ?? ""] ?? "application/octet-stream", body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE" ? ` Port ${port} is in use.` : "";
      reject(
        new Failure(`The console cannot be served.${taken}`, {
          hint: "Choose another port: mayfly console --port 4322",
        }),
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  const at = typeof address === "object" && address ? address.port : port;
  return {
    url: `http://127.0.0.1:${at}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
