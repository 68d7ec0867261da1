import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { startTestLocal } from "#harness/local";
import { inTurn } from "#harness/once";
import { buildConsole } from "../../scripts/build-console.ts";
import { runCli, startCli } from "./run.ts";

const root = join(import.meta.dirname, "../..");
const project = ["--url", "https://ref.supabase.co"];

describe("mayfly console", () => {
  beforeAll(() => inTurn("console", buildConsole));

  it("serves the page of a project on this machine, and lets it connect only to that project", async () => {
    const key = "sb_publishable_abc";
    const serving = startCli(["console", ...project, "--key", key, "--port", "0"]);
    let said = "";
    serving.child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await serving.printed(/Ctrl-C ends it/);
    const [url = ""] = /http:\/\/127\.0\.0\.1:\d+\//.exec(said) ?? [];
    const page = await fetch(url);
    expect(await page.text()).toContain('<div id="app">');
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("connect-src 'self' https://ref.supabase.co wss://ref.supabase.co;");
    expect(policy).not.toContain("unsafe");
    const config = await (await fetch(`${url}config.json`)).json();
    expect(config).toEqual({ url: "https://ref.supabase.co", key, local: false });
    expect((await fetch(`${url}..%2f..%2fpackage.json`)).status).toBe(404);
    serving.child.kill("SIGTERM");
    expect((await serving.ended).code).toBe(143);
  });

  it("makes a link to an embedded Supabase with its secret key, and refuses a wrong key", async () => {
    const local = await startTestLocal({ embedded: true, console: join(root, "console") });
    const open = (key: string) =>
      runCli(["console"], { env: { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: key } });
    const [right, wrong] = await Promise.all([open(local.secretKey), open("sb_secret_wrong")]);
    const { tenant } = await local.enter();
    await local.sql`update mayfly.tenants set name = 'the shop' where id = ${tenant}`;
    const folder = await mkdtemp(join(tmpdir(), "mayfly-console-"));
    const env = { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey };
    const inFolder = (...words: string[]) => runCli(words, { cwd: folder, env });
    const named = await inFolder("console", "--tenant", "the shop");
    const unknown = await inFolder("console", "--tenant", "nope");
    await inFolder("use", "the shop");
    const used = await inFolder("console");
    await rm(folder, { recursive: true });
    await local.close();
    expect(named.out).toMatch(new RegExp(`/console/#link=[^&]+&tenant=${tenant}\n$`));
    expect(used.out).toContain(`&tenant=${tenant}`);
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining("no tenant nope") });
    expect(right.out).toContain(`${local.apiUrl}/console/#link=`);
    expect(wrong).toMatchObject({
      code: 1,
      err: expect.stringMatching(/does not accept this key\.\nUse the SECRET_KEY that /),
    });
  });

  it("opens the tenant with this id in the page of a project, and cannot look up a name", async () => {
    const id = "0198f0c2-0000-7000-8000-000000000000";
    const words = ["console", ...project, "--key", "sb_publishable_abc", "--port", "0"];
    const serving = startCli([...words, "--tenant", id]);
    await serving.printed(/Ctrl-C ends it/);
    serving.child.kill("SIGTERM");
    expect((await serving.ended).out).toMatch(new RegExp(`127\\.0\\.0\\.1:\\d+/#/${id}/now\n`));
    expect(await runCli([...words, "--tenant", "acme"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("the tenant acme cannot be found by its name"),
    });
  });

  it("refuses a secret key, and names what is missing", async () => {
    const secret = await runCli(["console", ...project, "--key", "sb_secret_abc"]);
    expect(secret.code).toBe(2);
    expect(secret.err).toContain("must never be in a page");
    const env = { MAYFLY_KEY: "sb_secret_abc" };
    const unused = await runCli(["console", ...project], { env });
    expect(unused.err).toContain("There is a secret key, which must never be in a page.");
    const nothing = await runCli(["console", ...project]);
    expect(nothing.code).toBe(2);
    expect(nothing.err).toContain("There is no publishable key");
    const copied = await runCli(["console", "--url", "https://<ref>.supabase.co", "--key", "sb_p"]);
    expect([copied.code, copied.err]).toEqual([2, expect.stringContaining("Replace <ref> with")]);
  });
});
