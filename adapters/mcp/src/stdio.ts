#!/usr/bin/env node
import { Mayfly } from "@mayfly/sdk";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { mcpServer } from "./server.ts";

const { MAYFLY_URL: url, MAYFLY_KEY: key, MAYFLY_TENANT: tenant } = process.env;
if (!url || !key || !tenant) {
  const needed = { MAYFLY_URL: url, MAYFLY_KEY: key, MAYFLY_TENANT: tenant };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value ? [] : [name]));
  console.error(
    `Set ${missing.join(", ")} in the environment: the URL of your project, its secret key, and a tenant's id.`,
  );
  process.exit(2);
}
const mayfly = new Mayfly({ url, key, tenant });
serveStdio(() => mcpServer(mayfly));
