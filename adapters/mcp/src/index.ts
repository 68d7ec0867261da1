export { type McpOptions, mcpHandler } from "./http.ts";
export { mcpServer } from "./server.ts";
