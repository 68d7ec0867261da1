import { readFile } from "node:fs/promises";
import { join } from "node:path";

const types: Record<string, string> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  svg: "image/svg+xml",
  woff2: "font/woff2",
};

/** The policy of the page: it may talk only to this origin, and runs only its own files. */
const policy = (url: URL) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ws://${url.host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");

/**
 * A file of the built console.
 *
 * @param name such as `index.html` or `assets/main-abc.js`.
 */
export async function consoleFile(folder: string, name: string, url: URL): Promise<Response> {
  const known = /^(assets\/)?\w[\w.-]*$/.test(name);
  const body = known ? await readFile(join(folder, name)).catch(() => null) : null;
  if (!body && name === "index.html")
    return new Response("The console is not built yet. Build it with: npm run build:console\n", {
      status: 404,
    });
  if (!body) return new Response("There is no such file.\n", { status: 404 });
  return new Response(new Uint8Array(body), {
    headers: {
      "content-type": types[name.split(".").at(-1) ?? ""] ?? "application/octet-stream",
      "cache-control": name.startsWith("assets/")
        ? "public, max-age=31536000, immutable"
        : "no-cache",
      "content-security-policy": policy(url),
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    },
  });
}
