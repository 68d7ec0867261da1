import type { Mayfly } from "@mayfly/sdk";
import { McpServer } from "@modelcontextprotocol/server";
import manifest from "../package.json" with { type: "json" };
import { addMemoryTools } from "./memory-tools.ts";
import { addResources } from "./resources.ts";
import { addApprovalTools, addJobTools, addMessageTools } from "./work-tools.ts";

/**
 * Makes an MCP server that acts as a caller of Mayfly. Memory, messages, jobs and approvals are tools;
 * shared states and memories are resources. The database checks each call.
 *
 * @example
 * import { serveStdio } from "@modelcontextprotocol/server/stdio";
 * serveStdio(() => mcpServer(mayfly));
 */
export function mcpServer(mayfly: Mayfly): McpServer {
  const server = new McpServer(
    { name: "mayfly", version: manifest.version },
    { capabilities: { tools: {}, resources: {} } },
  );
  addMemoryTools(server, mayfly);
  addMessageTools(server, mayfly);
  addJobTools(server, mayfly);
  addApprovalTools(server, mayfly);
  addResources(server, mayfly);
  return server;
}
