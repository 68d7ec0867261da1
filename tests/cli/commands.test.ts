import { execFile } from "node:child_process";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { Output } from "../../cli/src/output.ts";
import { environment, folder, json, local, mayfly, run, setUp, tenant } from "./connected.ts";
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

  it("ends without an error if the reader of its help is gone", async () => {
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

  it("reports retries next to its JSON output, but prints no notes for people", () => {
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
