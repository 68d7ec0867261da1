/** `@mayfly/mcp` in the protocol's own conformance suite, for the specification 2025-11-25. */
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { mcpHandler } from "@mayfly/mcp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signIn, startTestLocal, type TestLocal } from "#harness/local";
import { addConformanceTools } from "./mcp-conformance-tools.ts";

/** Every server scenario that applies; docs/mcp.md says which do not, and why. */
const scenarios = [
  ...["server-initialize", "ping", "tools-list", "resources-list"],
  ...["tools-call-simple-text", "tools-call-image", "tools-call-audio", "tools-call-error"],
  ...["tools-call-embedded-resource", "tools-call-mixed-content", "tools-call-with-progress"],
  ...["json-schema-2020-12", "resources-read-text", "resources-read-binary"],
  "resources-templates-read",
];
const notApplying = [
  ...["logging-set-level", "tools-call-with-logging", "completion-complete"],
  ...["tools-call-sampling", "tools-call-elicitation", "elicitation-sep1034-defaults"],
  ...["elicitation-sep1330-enums", "server-sse-polling", "server-sse-multiple-streams"],
  ...["resources-subscribe", "resources-unsubscribe"],
  ...["prompts-list", "prompts-get-simple", "prompts-get-with-args"],
  ...["prompts-get-embedded-resource", "prompts-get-with-image", "dns-rebinding-protection"],
];

let local: TestLocal;
let server: Server;
beforeAll(async () => {
  local = await startTestLocal();
  const { mayfly, tenant } = await local.enter();
  await mayfly.close();
  const token = await signIn(local, tenant, "member");
  const handle = mcpHandler({
    url: local.apiUrl,
    key: local.publishableKey,
    extend: addConformanceTools,
  });
  // The suite has no way to sign in.
  const signedIn = (request: Request) => {
    const headers = new Headers(request.headers);
    headers.set("authorization", `Bearer ${token}`);
    return handle(new Request(request, { headers }));
  };
  server = createServer(getRequestListener(signedIn));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await local?.close();
});

const suite = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/conformance/dist/index.js",
);
const conformance = (...args: string[]) =>
  new Promise<{ code: number; said: string }>((resolve) => {
    execFile(process.execPath, [suite, ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, said: stdout + stderr });
    });
  });

describe("the conformance suite of the Model Context Protocol", () => {
  it("runs every server scenario, or names the scenario as one that does not apply", async () => {
    const { said } = await conformance("list", "--server");
    const known = [...said.matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name);
    expect(known.sort()).toEqual([...scenarios, ...notApplying].sort());
  });

  it.each(scenarios)("%s", async (scenario) => {
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/mcp`;
    const { code, said } = await conformance("server", "--url", url, "--scenario", scenario);
    expect(said).toMatch(/Passed: ([1-9]\d*)\/\1, 0 failed, 0 warnings/);
    expect(code, said).toBe(0);
  });
});
