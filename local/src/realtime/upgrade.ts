import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Context } from "./context.ts";
import { CredentialError } from "./credentials.ts";
import { parseVersion, type Version } from "./serializer.ts";

/** The credentials of a new connection, or the HTTP answer that refuses it. */
export type Handshake =
  | { version: Version; token: string; headers: Record<string, string> }
  | { status: number; error: string | undefined; waits: boolean };

/** Checks a WebSocket request, in the same order as Supabase's Realtime server. */
export async function checkHandshake(
  request: Pick<IncomingMessage, "url" | "headers">,
  { limits, rates, users, authenticate }: Context,
): Promise<Handshake> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const refuse = (status: number, error?: string) => ({
    status,
    error,
    waits: error !== undefined,
  });
  if (url.pathname !== "/realtime/v1/websocket") return refuse(404);
  const version = parseVersion(url.searchParams.get("vsn"));
  if (!version) return refuse(403);
  if (limits.suspended) return refuse(403, "Realtime was disabled for this tenant");
  const header = request.headers["x-api-key"];
  const token = typeof header === "string" ? header : url.searchParams.get("apikey");
  if (!token) return refuse(401, "API key is missing");
  try {
    await authenticate(token);
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    return refuse(401, error.onConnect);
  }
  if (users.size >= limits.connections) return refuse(429, "Too many connected users");
  if (rates.joins.reached) return refuse(429, "Too many joins per second");
  return { version, token, headers: extensionHeaders(request) };
}

/** The `x-…` headers, which policies see. */
function extensionHeaders(request: Pick<IncomingMessage, "headers">): Record<string, string> {
  const entries = Object.entries(request.headers).flatMap(([name, value]) =>
    name.startsWith("x-") && typeof value === "string" ? [[name, value] as const] : [],
  );
  return Object.fromEntries(entries);
}

/** Answers an upgrade request that is refused. */
export function refuseUpgrade(socket: Duplex, status: number, error: string | undefined): void {
  const body = error === undefined ? "" : JSON.stringify({ error });
  const type = error === undefined ? "" : "content-type: application/json; charset=utf-8\r\n";
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${type}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
