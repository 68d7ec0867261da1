import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { studioRouteHandler } from "@supabase/lite";
import { apiError } from "./errors.ts";
import type { SchemaCache } from "./schema-cache.ts";

/** lite's Studio, for a browser that opened its address on this machine. */
export interface Studio {
  /** The token that opens Studio in a browser. Anyone who knows it acts with the secret key. */
  url(): string;
  /** Answers with Studio's pages. Undefined for any other path. */
  fetch(request: Request): Promise<Response | undefined>;
  /** Whether a request comes from an opened Studio and should run with the secret key. */
  admits(request: Request): boolean;
  /**
   * The refusal of a change that Studio would make to the wrong rows. Undefined for any other
   * change.
   */
  refusal(request: Request): Promise<Response | undefined>;
}

const cookie = "mayfly_studio";
const assets = fileURLToPath(import.meta.resolve("@supabase/lite/static/.vite/manifest.json"));
const assetFolder = assets.replace(/\.vite[/\\]manifest\.json$/, "");
const types: Record<string, string> = {
  css: "text/css",
  ico: "image/x-icon",
  js: "text/javascript",
  woff2: "font/woff2",
};

/**
 * Only one page of Studio works, the table editor. Its disabled pages, and the search for tables,
 * which does nothing, are hidden.
 */
const hidden = `<style>
  header button:disabled,
  [data-sidebar="menu-button"]:disabled,
  [data-sidebar] .h-px,
  div:has(> label[for="filter-search"]) { display: none !important }
</style>`;

/**
 * Lets only an opened Studio act with the secret key. In lite, any request from a loopback address
 * acts as service_role if it has no key. Here, a browser must first open the address that contains
 * the token of this start. Then it gets a cookie. Browsers also send this cookie with requests from
 * other pages of 127.0.0.1, which are the same site but another origin. So the cookie counts only in
 * requests from Studio's own pages.
 */
export function createStudio(options: {
  publicUrl: () => string;
  schemas: string[];
  schema: SchemaCache;
}): Studio {
  const token = randomBytes(24).toString("base64url");
  const session = randomBytes(24).toString("base64url");

  const admits = (request: Request): boolean => {
    if (request.headers.has("apikey") || request.headers.has("authorization")) return false;
    if (request.headers.get("sec-fetch-site") !== "same-origin") return false;
    if (!isLoopback(new URL(request.url).hostname)) return false;
    const sent = new RegExp(`(?:^|;\\s*)${cookie}=([^;]*)`).exec(
      request.headers.get("cookie") ?? "",
    )?.[1];
    return sent !== undefined && same(sent, session);
  };

  /**
   * The first table of the first exposed schema that has tables. Without this, Studio would open
   * `public`.
   */
  const start = async (): Promise<string> => {
    const { tables } = (await options.schema.current()).introspection;
    for (const schema of options.schemas) {
      const [first] = tables.filter((table) => table.schema === schema);
      if (first) return `/editor/${encodeURIComponent(`${schema}.${first.name}`)}`;
    }
    return "/editor/-";
  };

  return {
    url: () => `${options.publicUrl()}/_studio?token=${token}`,
    admits,
    async refusal(request) {
      if (request.method !== "PATCH" && request.method !== "DELETE") return undefined;
      const { pathname } = new URL(request.url);
      const table = decodeURIComponent(pathname.slice("/rest/v1/".length));
      const schema = request.headers.get("content-profile") ?? options.schemas[0];
      const { primary_keys } = (await options.schema.current()).introspection;
      const key = primary_keys.find((each) => each.table === table && each.schema === schema);
      if (key?.columns.join() === "id") return undefined;
      return apiError(400, {
        code: "PGRSTX02",
        message: `Studio cannot change rows of "${table}", because its primary key is not a single column "id".`,
        hint: "Change them with SQL.",
      });
    },
    async fetch(request) {
      const url = new URL(request.url);
      if (request.method !== "GET") return undefined;
      if (url.pathname === "/_studio") {
        if (!isLoopback(url.hostname) || !same(url.searchParams.get("token") ?? "", token))
          return new Response("Open Studio with the address that npm start printed.\n", {
            status: 403,
          });
        const attributes = "Path=/; HttpOnly; SameSite=Strict";
        return new Response(null, {
          status: 303,
          headers: { location: await start(), "set-cookie": `${cookie}=${session}; ${attributes}` },
        });
      }
      if (url.pathname.startsWith("/static/")) return asset(url.pathname.slice("/static/".length));
      if (url.pathname === "/_system/info")
        return admits(request) ? Response.json(info(options.schemas)) : undefined;
      if (url.pathname === "/_system/introspect") {
        if (!admits(request)) return undefined;
        return Response.json((await options.schema.current()).introspection);
      }
      if (!request.headers.get("accept")?.includes("text/html")) return undefined;
      if (/^\/(editor\/?)?$/.test(url.pathname))
        return new Response(null, { status: 303, headers: { location: await start() } });
      if (!url.pathname.startsWith("/editor/")) return undefined;
      const page = await studioRouteHandler(request);
      const html = (await page.text()).replace("</head>", `${hidden}</head>`);
      return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
    },
  };
}

/**
 * The settings that Studio asks for when it starts. lite's own answer would contain the database's address.
 */
const info = (schemas: string[]) => ({
  connection: { dialect: "postgres" },
  config: { api: { enabled: true, schemas }, auth: { enabled: true }, db: { driver: "postgres" } },
  admin: true,
});

async function asset(name: string): Promise<Response | undefined> {
  if (!/^(assets\/)?[\w.-]+$/.test(name) || name.startsWith(".")) return undefined;
  const body = await readFile(assetFolder + name).catch(() => undefined);
  if (!body) return undefined;
  const type = types[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
  return new Response(new Uint8Array(body), {
    headers: { "content-type": type, "cache-control": "public, max-age=3600" },
  });
}

const isLoopback = (host: string) =>
  host === "localhost" || host === "[::1]" || /^127\./.test(host);

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
