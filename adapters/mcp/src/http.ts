import { Mayfly, type MayflyError } from "@mayfly/sdk";
import { createMcpHandler, type McpServer } from "@modelcontextprotocol/server";
import { mcpServer } from "./server.ts";

/** The project, and the address of the server. */
export interface McpOptions {
  /** The project's URL. */
  url: string;
  /** The publishable key. The caller's rights come from its token. */
  key: string;
  /** The address at which clients reach this server. By default, the address of the request. */
  resource?: string;
  /** Adds tools of your own. `mayfly` acts as the caller. */
  extend?: (server: McpServer, mayfly: Mayfly) => void;
}

const metadataPath = "/.well-known/oauth-protected-resource";

/**
 * An MCP server over streamable HTTP, as a fetch handler: for a Supabase function, Deno, Bun, a Worker or any
 * framework. A client signs in with the OAuth server of Supabase Auth, and may do what the person has allowed
 * it to. The header `x-mayfly-tenant`, or `?tenant=` in the address, chooses one of several tenants.
 *
 * @example
 * const handle = mcpHandler({ url: Deno.env.get("SUPABASE_URL"), key: publishableKey });
 * Deno.serve(handle);
 */
export function mcpHandler({
  url,
  key,
  resource,
  extend,
}: McpOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const at = new URL(request.url);
    const own = resource ?? `${at.origin}${at.pathname.replace(metadataPath, "")}`;
    if (request.method === "GET" && at.pathname.includes(metadataPath))
      return Response.json({
        resource: own,
        authorization_servers: [new URL("/auth/v1", url).href],
        bearer_methods_supported: ["header"],
      });
    const tenant = request.headers.get("x-mayfly-tenant") ?? at.searchParams.get("tenant");
    const project = { url, key, ...(tenant && { tenant }) };
    const { data: mayfly, error } = await Mayfly.forRequest(request, project);
    if (error) return error.code === "not_authorized" ? unauthorized(own) : refused(error);
    return createMcpHandler(() => {
      const server = mcpServer(mayfly);
      extend?.(server, mayfly);
      return server;
    }).fetch(request);
  };
}

/**
 * The answer to other failures before a tool is called: the tenant is unknown, or the project does not
 * answer.
 */
const refused = ({ code, message, hint }: MayflyError) =>
  Response.json(
    { error: code, error_description: hint ? `${message} ${hint}` : message },
    { status: code === "unavailable" ? 503 : 403 },
  );

/** The address where a client finds out how to sign in (RFC 9728). */
const unauthorized = (own: string) =>
  Response.json(
    { error: "invalid_token", error_description: "Sign in, and send the access token." },
    {
      status: 401,
      headers: { "www-authenticate": `Bearer resource_metadata="${own}${metadataPath}"` },
    },
  );
