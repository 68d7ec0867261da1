import type { Mayfly } from "@mayfly/sdk";
import { McpServer } from "@modelcontextprotocol/server";
import manifest from "../package.json" with { type: "json" };
import { addMemoryTools } from "./memory-tools.ts";
import { addResources } from "./resources.ts";
import { addApprovalTools, addJobTools, addMessageTools } from "./work-tools.ts";

/**
 * An MCP server that does what a caller of Mayfly may do: memory, messages, jobs and approvals as tools,
 * shared states and memories as resources. The database checks each call.
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
