/** `mayfly workflows`, and `mayfly.workflows` in the SDK against a live stack. */
import { type Agent, graph, type Mayfly, workflow } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runCli } from "../cli/run.ts";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly } = await local.enter());
  agent = await spawnIn(mayfly, { lifetime: 300 });
});
afterAll(async () => {
  await mayfly?.close({ stopAgents: true });
  await local?.close();
});
const run = (...given: string[]) =>
  runCli(["workflows", ...given], {
    env: { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant },
  });

const ship = workflow("ship", z.object({ what: z.string() }), async (ctx, { what }) => {
  await ctx.step("pack", () => `box of ${what}`);
  const { by } = await ctx.signal<{ by: string }>("go");
  return { what, by };
});

describe("mayfly workflows", () => {
  it("lists, shows, draws, signals, moves and cancels runs", async () => {
    const { error } = await mayfly.workflows.start(ship, { what: 1 as never });
    expect(error?.details).toEqual({ field: "input.what" });
    const { id } = dataOf(await mayfly.workflows.start(ship, { what: "tea" }, { key: "one" }));
    const again = dataOf(await mayfly.workflows.start(ship, { what: "tea" }, { key: "one" }));
    expect(again).toEqual({ id, existing: true });
    const { id: other } = dataOf(await agent.workflows.start(ship, { what: "jam" }));
    const work = dataOf(
      await agent.work(ship.handlers, { pollMs: 100, drainOnTermination: false }),
    );
    for (const one of [id, other])
      while (dataOf(await mayfly.workflows.query(one)).status !== "waiting")
        await new Promise((resolve) => setTimeout(resolve, 20));

    expect((await run("--status", "waiting")).out).toMatch(/waiting {4}ship 1 {2}.*waits for go/);
    expect((await run("show", id)).out).toMatch(/├ pack 1, in attempt 1.*"box of tea"/);
    const drawn = (await run("show", id, "--mermaid")).out;
    expect(drawn).toContain("flowchart TD");
    expect(drawn).toContain('s0["pack"]');
    expect(drawn).toContain('end_(("waits for go"))');
    expect((await run("signal", id, "go", "--payload", "{by}")).code).toBe(2);
    expect((await run("signal", id, "go", "--payload", '{"by": "me"}')).out).toContain(
      "The run continues.",
    );
    const ended = dataOf(await mayfly.jobs.ended(id, { timeoutMs: 30_000 }));
    expect(ended.result).toEqual({ what: "tea", by: "me" });
    const shown = JSON.parse((await run("show", id, "--json")).out);
    expect(shown).toMatchObject({ status: "succeeded", version: "1" });
    expect(shown.checkpoints.map(({ kind }: { kind: string }) => kind)).toEqual(["step", "signal"]);

    expect((await run("move", other, "--to", "2", "--rename", "pack")).code).toBe(2);
    const moved = await run("move", other, "--to", "2", "--rename", "pack=wrap");
    expect(moved.out).toContain("is now a run of ship 2 instead of 1");
    expect(dataOf(await mayfly.workflows.list({ name: "ship", version: "2" }))).toMatchObject([
      { id: other, version: "2" },
    ]);
    expect((await run("cancel", other)).out).toContain("1 job cancelled");
    expect((await run("show", "0198f0c2-0000-7000-8000-000000000000")).err).toContain(
      "no such workflow",
    );
    await work.stop();
  });

  it("lists graphs, draws one by its name, and draws a run with the status of its steps", async () => {
    const digest = graph("digest", z.object({ urls: z.array(z.string()), post: z.boolean() }), {
      read: { map: "input.urls", result: z.number() },
      sum: { needs: ["read"], result: z.number() },
      post: { needs: ["sum"], when: "$.input.post == true", child: "send", input: "sum" },
    });
    const { id } = dataOf(await mayfly.workflows.start(digest, { urls: ["a", "bb"], post: false }));
    expect((await run("graphs")).out).toContain("digest 1  3 steps");
    expect((await run("show", "digest")).out).toMatch(
      /digest 1\nread {2}for each of input\.urls\nsum {2}behind read\npost {2}behind sum {2}runs send {2}when/,
    );
    const drawn = (await run("show", "digest", "--mermaid", "--of", "1")).out;
    expect(drawn).toContain('read[["read<br/>for each of input.urls"]]');
    expect(drawn).toContain("  read --> sum\n  sum --> post");
    const work = dataOf(
      await agent.work(
        digest.handlers({
          read: ({ item }) => item.length,
          sum: ({ read }) => read.reduce((sum, size) => sum + size, 0),
        }),
        { pollMs: 100, drainOnTermination: false },
      ),
    );
    const ended = dataOf(await mayfly.jobs.ended(id, { timeoutMs: 30_000 }));
    expect(ended.result).toEqual({ post: null });
    const shown = (await run("show", id, "--mermaid")).out;
    expect(shown).toContain('sum["sum"]:::succeeded');
    expect(shown).toMatch(/post\{\{.*\}\}:::skipped/);
    expect((await run("show", "other")).err).toContain("There is no graph other.");
    const kept = dataOf(await mayfly.workflows.graphs.get("digest"));
    expect(kept).toMatchObject({ version: "1", graph: digest.graph, setBy: null });
    expect(dataOf(await mayfly.workflows.graphs.list({ name: "digest" }))).toHaveLength(1);
    expect(dataOf(await mayfly.workflows.graphs.delete("digest", "1"))).toEqual({ deleted: true });
    await work.stop();
  });

  it("returns the history page by page, with the kind of each entry", async () => {
    const mixed = workflow("mixed", null, async (ctx) => {
      await ctx.map("each", [1], (n, each) => each.step("one", () => n));
      await ctx.any("first", { now: ctx.sleep(0), never: ctx.signal("never") });
      await ctx.now();
    });
    const { id } = dataOf(await mayfly.workflows.start(mixed, null));
    const work = dataOf(
      await agent.work(mixed.handlers, { pollMs: 100, drainOnTermination: false }),
    );
    await mayfly.jobs.ended(id, { timeoutMs: 30_000 });
    const { checkpoints } = dataOf(await mayfly.workflows.history(id));
    expect(checkpoints.map(({ kind, name }) => [kind, name])).toEqual([
      ["step", "each[0].one"],
      ["timer", "first.now: until"],
      ["step", "first.now"],
      ["any", "any: first"],
      ["now", "now: 1"],
    ]);
    const first = dataOf(await mayfly.workflows.history(id, { limit: 2 }));
    expect(first.more).toBe(true);
    const after = first.checkpoints[1]?.seq ?? 0;
    expect(dataOf(await mayfly.workflows.history(id, { after })).checkpoints.length).toBe(3);
    await work.stop();
  });
});
