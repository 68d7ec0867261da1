/** Every package of ours, as it is packed. */
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adapters } from "../../scripts/packages/adapter.ts";
import { startCli } from "../cli/run.ts";
import { command, root } from "./packed.ts";
import { type Installed, installAll } from "./stranger.ts";

let all: Installed;
beforeAll(async () => {
  all = await installAll();
}, 420_000);
afterAll(() => all?.remove());

/** The maximum size of a tarball in kB: a little above its current size. */
const most: Record<string, number> = {
  ...Object.fromEntries(adapters.map((name) => [name, 40])),
  ...{ sdk: 470, local: 200, mayfly: 1_400, create: 20, testing: 12 },
};
const names = Object.keys(most);

describe.each(names)("the package %s", (name) => {
  it("has a manifest without warnings", async () => {
    const { messages, pkg } = await publint({ pkgDir: all.built(name), strict: true, pack: false });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
    const manifest = JSON.parse(await readFile(join(all.built(name), "package.json"), "utf8"));
    expect(manifest).toMatchObject({
      license: "Apache-2.0",
      publishConfig: { access: "public", provenance: true },
      engines: { node: expect.stringMatching(/^>=22/) },
      exports: { "./package.json": "./package.json" },
    });
    const needs = { ...manifest.dependencies, ...manifest.peerDependencies };
    if (name !== "create") expect(Object.keys(needs)).not.toEqual([]);
    expect(manifest.private).toBeUndefined();
  });

  it("says on one screen what it is, and tells programs how to use it", async () => {
    const files = await readdir(all.built(name));
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "AGENTS.md"]));
    const readme = await readFile(join(all.built(name), "README.md"), "utf8");
    expect(readme.split("\n").length).toBeLessThan(60);
    const agents = await readFile(join(all.built(name), "AGENTS.md"), "utf8");
    expect(agents.split("\n").length).toBeLessThan(30);
  });

  it("is not larger than its limit", async () => {
    expect((await stat(all.tarball(name))).size / 1_000).toBeLessThan(most[name] ?? 0);
  });
});

it.each(["local", "testing", ...adapters])("@mayfly/%s resolves with its types", async (name) => {
  const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  const options = ["--format", "json", "--profile", "esm-only"];
  const { stdout } = await command(process.execPath, [attw, all.tarball(name), ...options]);
  const { analysis } = JSON.parse(stdout) as { analysis: { problems: { kind: string }[] } };
  // Each package is only ESM. CommonJS can require ESM since Node 22.
  const kinds = new Set(analysis.problems.map(({ kind }) => kind));
  expect([...kinds]).toEqual(["CJSResolvesToESM"]);
});

it("the test kit starts a tenant, an agent and its own clock in three lines", async () => {
  const place = await all.folder("tested");
  const file = join(place, "kit.mjs");
  await writeFile(
    file,
    `import { startMayfly } from "@mayfly/testing";
    const test = await startMayfly();
    const mayfly = await test.tenant();
    const agent = await test.agent({ name: "reader", lifetime: 60 }, mayfly);
    await test.clock.advance("2 minutes");
    console.log((await mayfly.agents.get(agent.id)).data?.status);
    await test.close();`,
  );
  const { stdout } = await command(process.execPath, ["--liftoff-only", file], { cwd: place });
  expect(stdout).toBe("expired\n");
});

it("mayfly contains what init installs and dev serves", async () => {
  const project = await all.folder("project");
  const init = await all.mayfly(project, "init", "--yes");
  expect(init.code, init.err).toBe(0);
  const files = await readdir(join(project, "supabase/migrations"));
  expect(files).toEqual(await readdir(join(root, "supabase/migrations")));
  expect(await readdir(join(project, "supabase/mayfly/functions"))).toContain("spawn");
});

it("mayfly dev serves in an empty folder, and a program beside it spawns, learns and recalls", async () => {
  const place = await all.folder("empty");
  const program = `
    const { Mayfly } = await import("@mayfly/sdk");
    const { MAYFLY_URL: url, MAYFLY_KEY: key, MAYFLY_TENANT: tenant } = process.env;
    const mayfly = new Mayfly({ url, key, tenant });
    const { data: agent, error } = await mayfly.spawn({ name: "first" });
    if (error) throw error;
    await agent.remember({ task: "Greet", output: "Say hello first." });
    await agent.sync();
    const { data } = await agent.recall("how do I greet?");
    console.log("It says:", data.results[0].output);
    await agent.stop();
    await mayfly.close();
    process.exit(7);`;
  const ran = await startCli(["dev", "--", process.execPath, "--eval", program], {
    cwd: place,
    cli: all.cli,
  }).ended;
  expect(ran.out, ran.err).toContain("It says: Say hello first.");
  // `mayfly dev` ends with its program, and with the same exit code.
  expect(ran.code).toBe(7);
  expect(await readdir(place)).toEqual([".mayfly", "node_modules"]);
  await rm(place, { recursive: true });
});
