import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser } from "#harness/browser";
import { startTestLocal, type TestLocal } from "#harness/local";
import { chromiumPath, node22Path } from "#harness/needs";
import { type Bundle, bundle } from "../../scripts/bundle.ts";
import { life, lived, load, print } from "./life.ts";
import { command, installPacked, type Packed, root } from "./packed.ts";

let packed: Packed;
let local: TestLocal;
/** Bundles of an application that uses it, for running in the browser and for measuring. */
let page: Promise<Bundle>;
beforeAll(async () => {
  [packed, local] = await Promise.all([installPacked(), startTestLocal()]);
  page = bundle(packed.folder, `${load} Object.assign(globalThis, { Mayfly });`);
});
afterAll(async () => {
  await local?.close();
  await packed?.remove();
});

/** Options of `new Mayfly` for a new tenant. */
const project = async () => {
  const { tenant } = await local.enter();
  return JSON.stringify({ url: local.apiUrl, key: local.secretKey, tenant });
};
describe.concurrent("the packed SDK runs", () => {
  const inNode = async (node: string, name: string) => {
    const esm = await packed.write(`${name}.mjs`, load + life + print(await project()));
    const required = 'const { Mayfly } = require("@mayfly/sdk");\n';
    const cjs = await packed.write(`${name}.cjs`, required + life + print(await project()));
    for (const file of [esm, cjs])
      expect(JSON.parse((await command(node, [file])).stdout)).toEqual(lived);
  };

  it("in Node, as ESM and as CommonJS", () => inNode(process.execPath, "node"));

  it.skipIf(!node22Path)("in Node 22", () => inNode(node22Path ?? "", "node22"));

  it("and lets a Node process exit", async () => {
    // A timer that we forgot to clear counts, even if it does not keep the process alive (unref).
    const program = `import { createHook } from "node:async_hooks";
      const ours = new Map();
      createHook({
        init(id, type) {
          const { stack } = new Error();
          if (type === "Timeout" && stack.includes("@mayfly/sdk")) ours.set(id, stack);
        },
        destroy: (id) => ours.delete(id),
      }).enable();
      ${load}
      const mayfly = new Mayfly(${await project()});
      const { data: agent } = await mayfly.spawn({ name: "live" });
      await mayfly.agents.watch(() => {});
      await agent.presence.watch(() => {});
      await mayfly.log.watch({}, () => {});
      await mayfly.debug.watch({}, () => {});
      const { error } = await agent.presence.track({ status: "here" });
      await mayfly.run({ name: "worker" }, (worker) => worker.remember({ task: "Work" }));
      const ran = await mayfly.run({ name: "talker" }, async (talker) => {
        await talker.presence.track({ status: "talking" });
        return talker.name;
      });
      await agent.stop();
      await mayfly.close();
      const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout");
      await new Promise((resolve) => setImmediate(resolve));
      const left = [...ours.values()];
      console.log(JSON.stringify({ error, ran: ran.data, timers, left }));`;
    const file = await packed.write("ends.mjs", program);
    const { stdout } = await command(process.execPath, [file]);
    expect(JSON.parse(stdout)).toEqual({
      error: null,
      ran: "talker",
      timers: [],
      left: [],
    });
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
    const server = await servePage((await page).code);
    const browser = await openBrowser();
    try {
      const tab = await browser.newPage();
      await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await tab.waitForFunction(() => "Mayfly" in globalThis);
      expect(
        await tab.evaluate(`(() => { ${life} return live(Mayfly, ${await project()}); })()`),
      ).toEqual(lived);
    } finally {
      await browser.close();
      server.close();
    }
  });
});

it("a page that only recalls needs only the memory module", async () => {
  const { tenant, mayfly } = await local.enter();
  await mayfly.memory.remember({ task: "Greet", output: "Say hello first." });
  const given = JSON.stringify({ url: local.apiUrl, key: local.secretKey, tenant });
  const file = await packed.write(
    "recalls.mjs",
    `import { openMemories } from "@mayfly/sdk/memory";
    const { data } = await openMemories(${given}).recall("how do I greet?");
    console.log(data.results[0].output);`,
  );
  expect((await command(process.execPath, [file])).stdout).toBe("Say hello first.\n");
});

describe("the package of the SDK", () => {
  it("resolves with its types for import, require and bundlers", async () => {
    const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const { stdout } = await command(process.execPath, [attw, packed.tarball, "--format", "json"]);
    const { analysis } = JSON.parse(stdout) as { analysis: { types: object; problems: object[] } };
    expect(analysis.types).toEqual({ kind: "included" });
    expect(analysis.problems).toEqual([]);
  });

  it("has a manifest without warnings", async () => {
    const { messages, pkg } = await publint({
      pkgDir: packed.installed,
      strict: true,
      pack: false,
    });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it("reports type errors to consumers with import and with require", async () => {
    const program = (call: string) => `
      import { Mayfly } from "@mayfly/sdk";
      export const mayfly = new Mayfly({ url: "", key: "" });
      export const name: Promise<string | undefined> =
        mayfly.spawn({ ${call} }).then(({ data }) => data?.name);`;
    const files = [
      await packed.write("right.mts", program('name: "analyst"')),
      await packed.write("right.cts", program('name: "analyst"')),
      await packed.write("wrong.mts", program("name: 1")),
      await packed.write("wrong.cts", program("name: 1")),
    ];
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const options =
      "--noEmit --strict --skipLibCheck --module nodenext --target es2024 --checkers 1".split(" ");
    const found = await command(process.execPath, [tsc, ...options, ...files], {
      cwd: packed.folder,
    }).then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
    const lines = found.split("\n").filter((line) => line.includes("error"));
    expect(lines).toEqual([
      expect.stringMatching(/^wrong\.[cm]ts.*TS2322/),
      expect.stringMatching(/^wrong\.[cm]ts.*TS2322/),
    ]);
  });

  it("adds as many bytes to a page as its README says, and leaves out unused code", async () => {
    const used = 'import { MayflyError } from "@mayfly/sdk"; console.log(MayflyError);';
    const their =
      'import { createClient } from "@supabase/supabase-js"; console.log(createClient);';
    const recalls = 'import { openMemories } from "@mayfly/sdk/memory"; console.log(openMemories);';
    const [whole, only, part, theirs] = await Promise.all([
      page,
      bundle(packed.folder, recalls),
      bundle(packed.folder, used),
      bundle(packed.folder, their),
    ]);
    const said = await readFile(join(packed.installed, "README.md"), "utf8");
    const [, mine, supabase] = /adds (\d+) kB .*? which (\d+) kB/.exec(said) ?? [];
    const [, ofOurs] = /recalls loads (\d+) kB of our code/.exec(said) ?? [];
    const ours = only.bytes - theirs.bytes;
    expect(Number(ofOurs) / (ours / 1_000)).toBeCloseTo(1, 1);
    expect(ours).toBeLessThan(60_000);
    expect(Number(mine) / (whole.bytes / 1_000)).toBeCloseTo(1, 1);
    expect(Number(supabase) / (theirs.bytes / 1_000)).toBeCloseTo(1, 1);
    expect(part.bytes).toBeLessThan(whole.bytes / 50);
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
