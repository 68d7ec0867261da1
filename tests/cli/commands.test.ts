import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { Output } from "../../cli/src/output.ts";
import {
  environment,
  folder,
  json,
  local,
  mayfly,
  run,
  secret,
  setUp,
  tenant,
} from "./connected.ts";
import { cli, runCli, startCli } from "./run.ts";

setUp();

describe("mayfly", () => {
  it("shows help with examples and exit codes, and each command with its own", async () => {
    const help = await run("--help");
    expect(help.code).toBe(0);
    expect(help.out).toMatch(/Exit codes: 0 success, 1 failure/);
    const names = [
      ...(/^Commands:([\s\S]*?)\n\n/m.exec(help.out)?.[1]?.matchAll(/^ {2}([a-z]+) /gm) ?? []),
    ].map((match) => match[1] ?? "");
    expect(names).toEqual([
      "init",
      "dev",
      "use",
      "doctor",
      "spawn",
      "agents",
      "stats",
      "status",
      "tail",
      "console",
      "jobs",
      "redrive",
      "cancel",
      "schedules",
      "workflows",
      "approvals",
      "approve",
      "reject",
      "runs",
      "costs",
      "prices",
      "remember",
      "recall",
      "recommend",
      "clusters",
      "facts",
      "entities",
      "teams",
      "reembed",
      "tune",
      "codemod",
      "import",
      "export",
      "uninstall",
      "help",
    ]);
    const helps = await Promise.all(
      names.filter((name) => name !== "help").map((name) => run(name, "--help")),
    );
    for (const one of helps) expect(one.out).toMatch(/Examples:\n {2}mayfly/);
  });

  it("exits with 2 and one sentence on wrong usage, in text and JSON", async () => {
    const [unknown, lifetime, noQuery, noWords, byName, category, noUrl] = await Promise.all([
      run("bogus"),
      run("spawn", "--lifetime", "soon", "--json"),
      run("recall"),
      run("recall", " "),
      run("recall", "keys", "--agent", "ada"),
      run("tail", "--category", "task,thougts"),
      runCli(["agents"], { cwd: folder }),
    ]);
    expect(unknown).toMatchObject({ code: 2, out: "" });
    expect(unknown.err).toMatch(/^Unknown command 'bogus'/);
    expect(lifetime).toMatchObject({ code: 2, err: "" });
    expect(JSON.parse(lifetime.out)).toMatchObject({ error: { code: "usage" } });
    expect(noQuery.code).toBe(2);
    expect(noWords).toMatchObject({ code: 2, err: expect.stringContaining("must have words") });
    expect(byName).toMatchObject({
      code: 2,
      err: expect.stringContaining("No agent is named ada."),
    });
    expect(category).toMatchObject({
      code: 2,
      err: expect.stringMatching(/thought, tool, workflow\.$/m),
    });
    expect(noUrl.code).toBe(2);
    expect(noUrl.err).toContain("MAYFLY_URL and MAYFLY_KEY");
  });

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
    // The package may have a script that does it.
    expect(await start("{}")).toEqual(["npx mayfly dev", "npx mayfly dev"]);
    const scripts = { start: "mayfly dev -- node team.ts", dev: "mayfly dev" };
    expect(await start(JSON.stringify({ scripts }))).toEqual(["npm run dev", "npm run dev"]);
    const ours = JSON.stringify({ scripts: { start: "node local/cli.js start" } });
    expect(await start(ours)).toEqual(["npm start", "npm start"]);
    await rm(join(folder, "package.json"));
    await rm(join(folder, ".mayfly"), { recursive: true });
  });

  it("spawns an agent and shows its token to programs, and to people when asked", async () => {
    const quiet = await run("spawn", "--name", "quiet", "--scopes", "memory:read");
    expect(quiet.code).toBe(0);
    expect(quiet.out).not.toMatch(/eyJ|mfr_/);
    const shown = await json<{ id: string; token: string; renewalSecret?: string }>(
      ...["spawn", "--name", "shown", "--lifetime", "60"],
    );
    expect(shown.token).toMatch(/^eyJ/);
    expect(shown.renewalSecret).toBeUndefined();
    const renewable = await json<{ renewalSecret: string }>("spawn", "--show-token");
    expect(renewable.renewalSecret).toMatch(/^mfr_/);
    const refused = await run("spawn", "--name", "shown", "--json");
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.out)).toMatchObject({ error: { code: "name_taken" } });
  });

  it("lists living agents, and ended ones if asked", async () => {
    const { id } = await json<{ id: string }>("spawn", "--name", "short");
    const living = await run("agents");
    expect(living.out).toMatch(new RegExp(`^${id} +short`, "m"));
    await mayfly.agents.stop(id);
    const names = async (...words: string[]) =>
      (await json<{ agents: { name: string }[] }>("agents", ...words)).agents.map((a) => a.name);
    expect(await names()).not.toContain("short");
    expect(await names("--all")).toContain("short");
  });

  it("recalls what was learned, and counts it", async () => {
    const { data: agent } = await mayfly.spawn({ name: "learner" });
    await agent?.remember({ task: "Rotate the key", output: "Import it first.", reward: 0.9 });
    await agent?.remember({ task: "Water the plants", output: "On Mondays.", reward: 0.1 });
    await agent?.sync();
    await agent?.close();
    const found = await run("recall", "rotate the key", "--limit", "1", "--min-reward", "0.5");
    expect(found.out).toContain("Import it first.");
    expect(found.out).toContain("learner");
    expect(found.out).not.toContain("Mondays");
    const { results } = await json<{ results: { task: string }[] }>("recall", "plants");
    expect(results[0]?.task).toBe("Water the plants");
    const stats = await json<{
      memory: { memories: number; by_agent: { name: string }[] };
      usage: { memories: number };
    }>("stats");
    expect(stats.memory).toMatchObject({ memories: 2, by_agent: [{ name: "learner" }] });
    expect(stats.usage.memories).toBe(2);
    expect((await run("stats")).out).toMatch(/memories +2 of/);
  });

  it("embeds memories without a vector of the model, and reports its progress", async () => {
    const [other] = await local.sql<{ id: string }[]>`
      insert into mayfly.tenants (name) values ('of another model') returning id`;
    await local.sql`
      insert into mayfly.memories (tenant_id, id, task)
      select ${other?.id ?? ""}, gen_random_uuid(), 'memory ' || n from generate_series(1, 30) n`;
    const { code, out, err } = await run("reembed", "--tenant", "of another model");
    expect(code, err).toBe(0);
    expect(err).toMatch(/^0 of 30 by mayfly-dev-hash-384$/m);
    expect(out).toBe("30 of 30 by mayfly-dev-hash-384\n");
    expect(await json("reembed", "--tenant", "of another model", "--forget-others")).toMatchObject({
      tenant: { name: "of another model" },
      ...{ memories: 30, embedded: 30, left: 0, dead: 0, others: 0, problem: null },
    });
  });

  it("says whether each part answers, and lists tenants by name", async () => {
    const status = await json<{
      components: { name: string; state: string }[];
      tenants: unknown[];
    }>("status");
    expect(status.components.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "data api ok",
      "auth ok",
      "realtime ok",
      "function spawn ok",
      "function sync ok",
      "function query ok",
    ]);
    expect(status.tenants).toContainEqual(expect.objectContaining({ id: tenant }));
    const down = await runCli(["status"], environment({ MAYFLY_URL: "http://127.0.0.1:2" }));
    expect(down.code).toBe(1);
    expect(down.out).toMatch(/^down {2}realtime/m);
  });

  it("stays quiet if nobody reads its help", async () => {
    const help = startCli(["--help"]);
    help.child.stdout?.destroy();
    expect(await help.ended).toMatchObject({ code: 0, err: "" });
  });

  it("fails when its output cannot be written", async () => {
    const words = ["-c", '"$0" "$@" > /dev/full', process.execPath, cli, "stats"];
    const { env } = environment();
    const ran = promisify(execFile)("sh", words, { env: { ...process.env, ...env } });
    await expect(ran).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("could not be written"),
    });
    const { data: agent } = await mayfly.spawn({ name: "unwritten" });
    const tail = await run("tail", "--since", "1h", "--out", "/dev/full");
    expect(tail.code).toBe(1);
    expect(tail.err).toMatch(/^\/dev\/full cannot be written: ENOSPC/m);
    await agent?.stop();
  });

  it("reports retries beside JSON, but no notes for people", () => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const output = new Output(true, out as never, err as never);
    output.note("In acme, the only tenant.");
    output.problem("The function sync could not be reached.");
    expect(err.read()?.toString()).toMatch(/^\S*The function sync could not be reached\.\S*\n$/);
    expect(out.read()).toBeNull();
  });

  it("prints no colour without a terminal, and never in JSON", async () => {
    const colour = String.fromCharCode(27);
    const forced = environment({ FORCE_COLOR: "1" });
    const [plain, wanted, object] = await Promise.all([
      run("status"),
      runCli(["status"], forced),
      runCli(["status", "--json"], forced),
    ]);
    expect(plain.out).not.toContain(colour);
    expect(wanted.out).toContain(colour);
    expect(object.out).not.toContain(colour);
  });
});
