/** What `npm create mayfly` creates runs, from the packed tarballs, in a new folder. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { long } from "#harness/long";
import { chromiumPath } from "#harness/needs";
import { startCli } from "../cli/run.ts";
import { type Installed, installAll } from "./stranger.ts";

let all: Installed;
beforeAll(async () => {
  all = await installAll();
}, 420_000);
afterAll(() => all?.remove());

const create = async (name: string, ...words: string[]) => {
  const cwd = join(all.people, "made");
  await mkdir(cwd, { recursive: true });
  const ran = await startCli([name, ...words, "--packages", all.tarballs], {
    cwd,
    cli: join(all.built("create"), "create.js"),
  }).ended;
  return { ...ran, folder: join(cwd, name) };
};

describe("create-mayfly", () => {
  it("creates a project with two commands in its README, and overwrites nothing", async () => {
    for (const template of ["node", "next", "supabase"]) {
      const made = await create(`My ${template}`, "--template", template);
      expect(made, made.err).toMatchObject({ code: 0 });
      const readme = await readFile(join(made.folder, "README.md"), "utf8");
      expect(readme).toContain("```sh\nnpm install\nnpm start\n```");
      expect(await readdir(made.folder)).toEqual(expect.arrayContaining([".gitignore"]));
      const manifest = JSON.parse(await readFile(join(made.folder, "package.json"), "utf8"));
      expect(manifest.name).toBe(`my-${template}`);
      // Before 22.18, Node cannot run the project's TypeScript. npm then warns during the installation.
      expect(manifest.engines).toEqual({ node: ">=22.18" });
      const again = await create(`My ${template}`, "--template", template);
      expect(again).toMatchObject({ code: 2, err: expect.stringContaining("is not empty") });
    }
  });

  it("lists the templates if none is named, or one that does not exist", async () => {
    const none = await create("none");
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining("--template supabase") });
    const unknown = await create("none", "--template", "rails");
    expect(unknown).toMatchObject({
      code: 2,
      err: "There is no template rails. Choose one of node, next, supabase.\n",
    });
  });

  it("uses our packages from npm if no folder is named", async () => {
    const { makeProject } = await import("../../create/src/project.ts");
    const { templates } = await import("../../create/src/templates.ts");
    const folder = join(all.people, "made/as-published");
    for (const template of templates) {
      await makeProject({ template, folder });
      const { version } = JSON.parse(
        await readFile(join(all.built("sdk"), "package.json"), "utf8"),
      );
      const { dependencies } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
      expect(dependencies["@mayfly/sdk"]).toBe(`^${version}`);
      expect(dependencies.mayfly).toBe(`^${version}`);
      await rm(folder, { recursive: true });
    }
  });
});

describe.skipIf(long)("with the packages that npm would install,", () => {
  const dev = async (folder: string, ...words: string[]) => {
    await all.install(folder);
    const ran = await startCli(["dev", "--", process.execPath, ...words], {
      cwd: folder,
      cli: all.cli,
    }).ended;
    expect(ran.code, ran.err).toBe(0);
    return ran.out;
  };

  it("the team reads its notes and answers from its memory, and says that no model answered", async () => {
    const { folder } = await create("team", "--template", "node");
    const out = await dev(folder, "team.ts");
    expect(out).toContain("a scripted stand-in copies sentences in place of a model");
    expect(out).toContain("read      notes/support.md");
    expect(out).toContain(
      "answer    Larger refunds need Grace's approval. (copied by the stand-in)",
    );
  });

  it("the team says in one sentence why its model fails, and reads the notes when it is started again", async () => {
    const { folder } = await create("wrong-key", "--template", "node");
    await all.install(folder);
    const start = () =>
      startCli(["dev", "--", process.execPath, "team.ts"], { cwd: folder, cli: all.cli }).ended;
    const path = join(folder, "model.ts");
    const model = await readFile(path, "utf8");
    await writeFile(
      path,
      model.replace(
        "const said =",
        'throw Object.assign(new Error("This key is wrong."), { statusCode: 401 });\n      const said =',
      ),
    );
    const refused = await start();
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("The run failed: This key is wrong.\n");
    expect(refused.err).not.toContain("    at ");
    await writeFile(path, model);
    const again = await start();
    expect(again.code, again.err).toBe(0);
    expect(again.out).toContain("answer    Larger refunds need Grace's approval.");
  });

  it.each([
    ["node", "team.ts"],
    ["supabase", "add.ts"],
  ])(
    "the program of %s says in one line that it cannot reach Mayfly",
    async (template, program) => {
      const { folder } = await create(`unreachable-${template}`, "--template", template);
      await all.install(folder);
      const env = { MAYFLY_URL: "http://127.0.0.1:9", MAYFLY_KEY: "wrong", MAYFLY_TENANT: "none" };
      const options = { cwd: folder, env };
      const ended = await startCli([], { ...options, cli: join(folder, program) }).ended;
      expect(ended).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^The .* could not be reached.*\.\n$/),
      });
    },
  );

  it("the function does the job that is added", async () => {
    const { folder } = await create("jobs", "--template", "supabase");
    const init = await all.mayfly(folder, "init", "--yes");
    expect(init.code, init.err).toBe(0);
    const out = await dev(folder, "add.ts");
    expect(out).toContain("The job has succeeded.");
    expect(out).toContain("headings: [ 'A Supabase function that does jobs' ]");
  });
});

/** These tests use the registry of npm, and take some minutes. */
describe.runIf(long)("by the two commands of its README,", { timeout: 600_000 }, () => {
  const run = promisify(execFile);
  const npm = async (folder: string, ...words: string[]) =>
    (await run("npm", words, { cwd: folder, maxBuffer: 1 << 26 })).stdout;
  const install = (folder: string) =>
    npm(folder, "install", "--no-audit", "--no-fund", "--prefer-offline");

  it("the team answers", async () => {
    const { folder } = await create("long-team", "--template", "node");
    await install(folder);
    expect(await npm(folder, "start")).toContain("Larger refunds need Grace's approval.");
    // Run again, it reads nothing twice, and answers something else.
    const second = await npm(folder, "start", "--", "When are signing keys rotated?");
    expect(second).toContain("Signing keys are rotated every 90 days.");
  });

  it("the function does the job", async () => {
    const { folder } = await create("long-jobs", "--template", "supabase");
    await install(folder);
    expect(await npm(folder, "start")).toContain("The job has succeeded.");
  });

  it.skipIf(!chromiumPath)(
    "an agent of one window is visible in another, and its memories are found there",
    async () => {
      const { folder } = await create("long-page", "--template", "next");
      await install(folder);
      const server = spawn("npm", ["start"], { cwd: folder, detached: true });
      let browser: Browser | undefined;
      try {
        const url = await addressOf(server.stdout);
        browser = await chromium.launch({
          executablePath: chromiumPath ?? "",
          args: ["--no-sandbox", "--disable-gpu"],
        });
        const context = await browser.newContext();
        const one = await context.newPage();
        await one.goto(url);
        await one.getByPlaceholder("you@example.com").fill("a@example.com");
        await one.getByPlaceholder("Any password").fill("secret-1");
        await one.getByText("Come in").click();
        await one.getByText("0 present").waitFor();
        const two = await context.newPage();
        await two.goto(url);
        await two.getByText("0 present").waitFor();
        await one.getByPlaceholder("Something to learn").fill("Refunds above 50 euros need Grace.");
        await one.getByText("Spawn an agent").click();
        await two.getByText("1 present").waitFor();
        await two.getByRole("list", { name: "Agents" }).getByText("idle").waitFor();
        await two.getByPlaceholder("What do you want to know?").fill("who agrees to refunds?");
        await two.getByText("Ask the memory").click();
        const answer = two.getByRole("list", { name: "Answers" }).getByRole("listitem").first();
        expect(await answer.textContent()).toContain("Refunds above 50 euros need Grace.");
        await two.getByRole("button", { name: "Stop" }).click();
        await one.getByText("0 present").waitFor();
      } finally {
        await browser?.close();
        const ended = once(server, "exit");
        process.kill(-(server.pid as number), "SIGTERM");
        await ended;
      }
    },
  );
});

/** Reads on until the server ends, because a server whose output nobody reads ends with a broken pipe. */
function addressOf(output: Readable): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    output.on("data", (part: Buffer) => {
      text += part.toString();
      const [, url] = /Local:\s+(http:\S+)/.exec(text) ?? [];
      if (url && text.includes("Ready in")) resolve(url);
    });
    output.once("end", () => reject(new Error(`Next.js has ended: ${text}`)));
  });
}
