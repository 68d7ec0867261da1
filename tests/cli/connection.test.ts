import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { environment, folder, local, run, secret, setUp, tenant } from "./connected.ts";
import { runCli, startCli } from "./run.ts";

setUp();

describe("a command that connects to a project", () => {
  it("says what is wrong with the key, the URL and the tenant, and shows no secret", async () => {
    const [wrongKey, publishable, nothing, unknown] = await Promise.all([
      runCli(["agents"], environment({ MAYFLY_KEY: "sb_secret_wrong" })),
      runCli(["agents"], environment({ MAYFLY_KEY: local.publishableKey })),
      runCli(["agents"], environment({ MAYFLY_URL: "http://127.0.0.1:2" })),
      run("agents", "--tenant", "nobody's"),
    ]);
    expect(wrongKey).toMatchObject({ code: 1, out: "" });
    expect(wrongKey.err).toContain("does not accept this key");
    expect(publishable.code).toBe(2);
    expect(publishable.err).toContain("publishable key, which is not enough");
    expect(publishable.err).not.toContain(local.publishableKey);
    expect(nothing).toMatchObject({ code: 1 });
    expect(nothing.err).toContain("could not be reached: nothing listens there");
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain(tenant);
  });

  it("finds the connection in .env, and uses the only tenant or the named one", async () => {
    const place = await mkdtemp(join(tmpdir(), "mayfly-cli-"));
    const text = `SUPABASE_URL=${local.apiUrl}/\nSUPABASE_SECRET_KEY="${local.secretKey}"\n`;
    await writeFile(join(place, ".env"), text);
    const byName = await runCli(["stats", "--json", "--tenant", "the first"], { cwd: place });
    expect(byName.code, byName.out).toBe(0);
    expect(JSON.parse(byName.out)).toMatchObject({ tenant: { id: tenant } });
    const { data: second } = await secret().tenants.create({ name: "the \u001b[2Jsecond" });
    const several = await runCli(["stats"], { cwd: place });
    expect(several.code).toBe(2);
    // Names come from others, so nothing in them may control the terminal.
    expect(several.err).toContain(`${second?.id}  the [2Jsecond`);
    // At a terminal, the user can choose.
    const asked = startCli(["stats"], { cwd: place, terminal: true });
    await asked.printed(/Which one\?/);
    asked.child.stdin?.write("1\r");
    const chosen = await asked.ended;
    expect(chosen.code, chosen.err).toBe(0);
    expect(chosen.err).not.toMatch(new RegExp(`${tenant}|${second?.id}`));
    // `mayfly use` remembers the choice.
    expect((await runCli(["use", second?.id ?? ""], { cwd: place })).code).toBe(0);
    const deeper = join(place, "deeper");
    await mkdir(deeper);
    await writeFile(join(deeper, ".env"), text);
    const used = await runCli(["stats", "--json"], { cwd: deeper });
    expect(JSON.parse(used.out)).toMatchObject({ tenant: { id: second?.id } });
    const made = await runCli(["use", "a third", "--create", "--json"], { cwd: deeper });
    const third = JSON.parse(made.out) as { id: string };
    expect(JSON.parse((await runCli(["stats", "--json"], { cwd: place })).out)).toMatchObject({
      tenant: { id: third.id, name: "a third" },
    });
    expect((await runCli(["use", "nobody's"], { cwd: place })).code).toBe(2);
    await rm(place, { recursive: true });
  });

  it("uses the embedded Supabase of a parent folder, and its key for nothing else", async () => {
    const place = await mkdtemp(join(folder, "sub-"));
    await mkdir(join(folder, ".mayfly"), { recursive: true });
    const health = (await (await fetch(`${local.apiUrl}/health`)).json()) as { instance: string };
    const running = { instance: health.instance, apiUrl: local.apiUrl, secretKey: local.secretKey };
    await writeFile(join(folder, ".mayfly/running.json"), JSON.stringify(running));
    const found = await runCli(["status", "--json"], { cwd: place });
    expect(JSON.parse(found.out)).toMatchObject({ url: local.apiUrl, ok: true });
    const other = await runCli(["status", "--url", "http://127.0.0.1:2"], { cwd: place });
    expect(other.code).toBe(2);
    expect(other.err).toContain("There is no key for http://127.0.0.1:2");
    const keyOnly = await runCli(["status"], { cwd: place, env: { MAYFLY_KEY: "sb_secret_x" } });
    expect(keyOnly.err).toContain(`${local.apiUrl}, is known: leave out MAYFLY_KEY`);
    await writeFile(
      join(folder, ".mayfly/running.json"),
      JSON.stringify({ ...running, instance: "another" }),
    );
    const start = async (text: string) => {
      await writeFile(join(folder, "package.json"), text);
      const stopped = await Promise.all(
        ["status", "console"].map((command) => runCli([command], { cwd: place })),
      );
      expect(stopped.map(({ code }) => code)).toEqual([2, 2]);
      return stopped.map(({ err }) => /start one here: (.*)/.exec(err)?.[1]);
    };
    // If the package has a script that starts the stack, the script is recommended.
    expect(await start("{}")).toEqual(["npx mayfly dev", "npx mayfly dev"]);
    const scripts = { start: "mayfly dev -- node team.ts", dev: "mayfly dev" };
    expect(await start(JSON.stringify({ scripts }))).toEqual(["npm run dev", "npm run dev"]);
    const ours = JSON.stringify({ scripts: { start: "node local/cli.js start" } });
    expect(await start(ours)).toEqual(["npm start", "npm start"]);
    await rm(join(folder, "package.json"));
    await rm(join(folder, ".mayfly"), { recursive: true });
  });
});
