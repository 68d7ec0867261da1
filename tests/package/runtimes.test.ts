/** The packed SDK in runtimes other than Node and browsers. Deno is in package.test.ts. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { bunPath, workerdPath } from "#harness/needs";
import { bundle } from "../../scripts/bundle.ts";
import { life, lived, load, print } from "./life.ts";
import { command, installPacked, type Packed } from "./packed.ts";

describe.skipIf(!bunPath && !workerdPath)("the packed SDK runs", () => {
  let packed: Packed;
  let local: TestLocal;
  beforeAll(async () => {
    [packed, local] = await Promise.all([installPacked(), startTestLocal()]);
  });
  afterAll(async () => {
    await local?.close();
    await packed?.remove();
  });
  const project = async () => {
    const { tenant } = await local.enter();
    return JSON.stringify({ url: local.apiUrl, key: local.secretKey, tenant });
  };

  it.skipIf(!bunPath)("in Bun, as ESM and as CommonJS", async () => {
    const required = 'const { Mayfly } = require("@mayfly/sdk");\n';
    const files = [
      await packed.write("bun.mjs", load + life + print(await project())),
      await packed.write("bun.cjs", required + life + print(await project())),
    ];
    for (const file of files) {
      const { stdout } = await command(bunPath ?? "", ["run", file], { cwd: packed.folder });
      expect(JSON.parse(stdout)).toEqual(lived);
    }
  });

  it.skipIf(!workerdPath)("in workerd, as a Cloudflare Worker without Node's modules", async () => {
    const worker = `${load}${life}
      export default {
        async fetch() { return Response.json(await live(Mayfly, ${await project()})); }
      };`;
    const { code } = await bundle(packed.folder, worker, { exports: true });
    await packed.write("worker.mjs", code);
    const config = await packed.write("workerd.capnp", capnp);
    const process = spawn(workerdPath ?? "", ["serve", config, "--control-fd=1"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const answer = await fetch(`http://127.0.0.1:${await portOf(process.stdout)}/`);
      expect(await answer.json()).toEqual(lived);
    } finally {
      process.kill();
    }
  });
});

/** A worker that can reach servers on this machine. */
const capnp = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.mjs")],
  compatibilityDate = "2025-09-01",
);
`;

async function portOf(control: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface({ input: control })) {
    const { event, port } = JSON.parse(line) as { event: string; port: number };
    if (event === "listen") return port;
  }
  throw new Error("workerd has ended.");
}
