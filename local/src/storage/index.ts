import { Refusal } from "../api/caller.ts";
import type { ProjectKeys } from "../keys.ts";
import type { Logger } from "../log.ts";
import type { Tokens } from "../tokens.ts";
import { problems, routeNotFound, StorageProblem } from "./answers.ts";
import { openFiles } from "./files.ts";
import { type Handler, routesOf } from "./routes.ts";
import { type Asked, claimsOf, Sessions, service } from "./session.ts";

/** Storage, `/storage/v1`. */
export interface Storage {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

const prefix = "/storage/v1";

/**
 * Storage: rows in `storage.buckets` and `storage.objects`, whose policies decide, and files in a
 * folder.
 */
export async function createStorage(options: {
  databaseUrl: string;
  /** Where the files are kept. Without it, they are removed when this process ends. */
  folder: string | undefined;
  /** Whether the folder has files of this database only. Then files without an object can be removed. */
  sweep: boolean;
  /** The largest size of a file. */
  maxBytes: number;
  keys: ProjectKeys;
  tokens: Tokens;
  log: Logger;
}): Promise<Storage> {
  const { keys, tokens, log } = options;
  const sessions = new Sessions(options.databaseUrl);
  const files = openFiles(options.folder);
  const routes = routesOf({ sessions, files, keys, maxBytes: options.maxBytes });

  if (options.folder !== undefined && options.sweep) {
    const asked = { ...nobody, claims: service };
    const rows = await sessions.run(
      asked,
      service,
      (sql) => sql<{ version: string }[]>`select o.version from storage.objects o`,
    );
    await files.sweep(new Set(rows.map((row) => row.version)));
  }

  const serve = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const path = url.pathname.slice(prefix.length);
    const found = find(routes, request.method, path);
    if (!found) return routeNotFound(request);
    const { route, names } = found;
    const claims =
      route.access === "open"
        ? undefined
        : await claimsOf(request, keys, tokens).catch((error: unknown) => {
            if (route.access === "maybe" && error instanceof StorageProblem) return undefined;
            throw error;
          });
    if (route.access === "key" && !claims) throw problems.denied("Invalid Compact JWS");
    const asked: Asked = {
      claims: claims ?? { role: "anon" },
      authenticated: claims !== undefined,
      operation: route.operation,
      method: request.method,
      path: url.pathname,
      headers: Object.fromEntries(request.headers),
    };
    return route.handle({ request, asked, names, query: url.searchParams });
  };

  return {
    async fetch(request) {
      try {
        return await serve(request);
      } catch (error) {
        if (error instanceof StorageProblem) {
          await drain(request);
          return error.response;
        }
        if (error instanceof Refusal) return error.response;
        const reason = error instanceof Error ? error.message : String(error);
        log.error("A request to Storage failed", { method: request.method, reason });
        return problems.failure().response;
      }
    },
    async close() {
      await sessions.close();
      await files.close();
    },
  };
}

const nobody: Asked = {
  claims: {},
  authenticated: false,
  operation: "",
  method: "",
  path: "",
  headers: {},
};

function find(routes: readonly Handler[], method: string, path: string) {
  for (const route of routes) {
    if (!route.methods.includes(method)) continue;
    const match = route.path.exec(path);
    if (!match) continue;
    try {
      return { route, names: match.slice(1).map((part) => decodeURIComponent(part ?? "")) };
    } catch {
      throw problems.key(path);
    }
  }
  return undefined;
}

/** Reads the rest of a body, because a caller gets the refusal only after it has sent its whole body. */
async function drain(request: Request): Promise<void> {
  if (request.bodyUsed || !request.body) return;
  for await (const _ of request.body as unknown as AsyncIterable<unknown>);
}
