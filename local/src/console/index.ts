import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProjectKeys } from "../keys.ts";
import type { Tokens } from "../tokens.ts";
import { createDeveloper, developerId } from "./developer.ts";
import { consoleFile } from "./files.ts";

/** The console: its built files, and a sign-in that works only on this machine. */
export interface ConsoleHost {
  /** A link that signs the developer in once. */
  link(): string;
  fetch(request: Request): Promise<Response>;
}

export const consolePath = "/console";
/** The most unused links at a time. `mayfly console` makes more. */
const mostLinks = 20;

/**
 * Serves the console at `/console/`.
 *
 * @param options.folder holds `dist/` and `enter.sql`.
 */
export async function createConsole(options: {
  folder: string;
  url: string;
  keys: ProjectKeys;
  tokens: Tokens;
  dbUrl: string;
  auth: (request: Request) => Promise<Response>;
}): Promise<ConsoleHost> {
  const { folder, url, keys, tokens, dbUrl, auth } = options;
  const entering = await readFile(join(folder, "enter.sql"), "utf8");
  const developer = createDeveloper({ auth, url, keys, dbUrl, entering });
  const unused: string[] = [];

  const link = () => {
    const token = randomBytes(24).toString("base64url");
    unused.push(token);
    if (unused.length > mostLinks) unused.shift();
    // The token comes after the #, so that it does not reach any log.
    return `${url}${consolePath}/#link=${token}`;
  };

  const redeem = async (request: Request): Promise<Response> => {
    const { token = "" } = (await request.json().catch(() => ({}))) as { token?: string };
    const at = unused.findIndex((one) => same(one, String(token)));
    if (at < 0)
      return refusal(
        403,
        "link_used",
        "This link was already used, or is from before a restart.",
        "Run `npx mayfly console` for a new one.",
      );
    unused.splice(at, 1);
    await developer.enter();
    const session = await developer.signIn();
    // At the first sign-in, the developer's user exists only now. So make it a member now.
    await developer.enter();
    return Response.json({ data: session, error: null });
  };

  const enter = async (request: Request): Promise<Response> => {
    const bearer = request.headers.get("authorization")?.replace(/^Bearer /i, "") ?? "";
    const claims = await tokens.verify(bearer).catch(() => null);
    if (claims?.sub !== developerId)
      return refusal(403, "not_authorized", "Only the developer may enter every tenant.", null);
    await developer.enter();
    return Response.json({ data: null, error: null });
  };

  return {
    link,
    async fetch(request) {
      const target = new URL(request.url);
      if (target.pathname === consolePath)
        return new Response(null, { status: 308, headers: { location: `${consolePath}/` } });
      const name = target.pathname.slice(consolePath.length + 1);
      if (request.method === "POST") {
        if (name === "link" && request.headers.get("apikey") === keys.secretKey)
          return Response.json({ data: { url: link() }, error: null });
        if (!fromItsPage(request, target))
          return refusal(403, "not_authorized", "Only the console itself may call this.", null);
        if (name === "sign-in") return redeem(request);
        if (name === "enter") return enter(request);
      }
      if (request.method !== "GET" && request.method !== "HEAD")
        return new Response(null, { status: 405 });
      if (name === "config.json")
        return Response.json(
          { url, key: keys.publishableKey, local: true },
          { headers: { "cache-control": "no-store" } },
        );
      return consoleFile(join(folder, "dist"), name || "index.html", target);
    },
  };
}

const refusal = (status: number, code: string, message: string, hint: string | null) =>
  Response.json({ data: null, error: { code, message, hint } }, { status });

/**
 * Whether a request comes from this origin with a loopback address, and not from another page or
 * host name.
 */
const fromItsPage = (request: Request, { hostname }: URL) =>
  request.headers.get("sec-fetch-site") === "same-origin" &&
  (hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname));

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
