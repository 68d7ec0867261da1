import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "../harness/local.ts";
import { chromiumPath } from "../harness/needs.ts";
import { bundle, command, installPacked, type Packed, root } from "./packed.ts";

/** A whole life, in the syntax of every runtime. */
const life = `async function live(Mayfly, project) {
  const mayfly = new Mayfly(project);
  const { data: agent, error } = await mayfly.spawn({ name: "packed" });
  if (error) return error.code + " " + error.message;
  await agent.remember({ task: "Rotate the signing key", output: "Import it first." });
  const { data: synced } = await agent.sync();
  const { data: recall } = await agent.recall("rotated keys");
  const { data: stopped } = await agent.stop();
  await mayfly.close();
  return { pushed: synced?.pushed, best: recall?.results[0]?.task, status: stopped?.agent.status };
}
`;
const lived = { pushed: 1, best: "Rotate the signing key", status: "stopped" };

describe("the packed SDK runs", () => {
  let packed: Packed;
  let local: TestLocal;
  beforeAll(async () => {
    [packed, local] = await Promise.all([installPacked(), startTestLocal()]);
  }, 120_000);
  afterAll(async () => {
    await local?.close();
    await packed?.remove();
  });

  const project = async () => {
    const { tenant, mayfly } = await local.enter();
    await mayfly.close();
    return JSON.stringify({ url: local.apiUrl, key: local.secretKey, tenant });
  };
  const print = (given: string) =>
    `live(Mayfly, ${given}).then((outcome) => console.log(JSON.stringify(outcome)));`;
  const load = 'import { Mayfly } from "@mayfly/sdk";\n';

  it("in Node as ESM", async () => {
    const file = await packed.write("run.mjs", load + life + print(await project()));
    expect(JSON.parse((await command(process.execPath, [file])).stdout)).toEqual(lived);
  });

  it("in Node as CommonJS", async () => {
    const required = 'const { Mayfly } = require("@mayfly/sdk");\n';
    const file = await packed.write("run.cjs", required + life + print(await project()));
    expect(JSON.parse((await command(process.execPath, [file])).stdout)).toEqual(lived);
  });

  it("in Deno", async () => {
    const file = await packed.write("deno.mjs", load + life + print(await project()));
    const deno = join(root, "node_modules/.bin/deno");
    const flags = ["run", "--no-lock", "--node-modules-dir=manual", "--allow-net", "--allow-env"];
    const { stdout } = await command(deno, [...flags, "--allow-read", file], {
      cwd: packed.folder,
    });
    expect(JSON.parse(stdout)).toEqual(lived);
  });

  it.skipIf(!chromiumPath)("in Chromium, bundled", async () => {
    const code = await bundle(
      packed,
      "page",
      `${load}${life}
      globalThis.live = (project) => live(Mayfly, project);`,
    );
    const server = await servePage(code);
    const browser = await chromium.launch({
      executablePath: chromiumPath ?? "",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
    });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.waitForFunction(() => "live" in globalThis);
      expect(await page.evaluate(`live(${await project()})`)).toEqual(lived);
    } finally {
      await browser.close();
      server.close();
    }
  });
});

async function servePage(code: string): Promise<Server> {
  const server = createServer((request, response) => {
    const script = request.url === "/page.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? code : '<script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
