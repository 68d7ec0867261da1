import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { categories } from "../../cli/src/records.ts";
import { readSources } from "../../scripts/sql/releases.ts";
import { environment, folder, mayfly, setUp } from "./connected.ts";
import { startCli } from "./run.ts";

setUp();

describe("mayfly tail", () => {
  it("knows every category of the log", async () => {
    const sources = await readSources(join(import.meta.dirname, "../.."));
    const registered = sources.filter(({ file }) => file.endsWith("/event_kinds.sql"));
    const types = registered
      .map(({ text }) => text)
      .join()
      .matchAll(/'([a-z]+)\.[a-z_]+'/g);
    const logged = new Set([...types].map(([, category = ""]) => category));
    expect(logged.size).toBeGreaterThan(10);
    for (const category of logged) expect(categories).toContain(category);
  });

  it("says if no living agent has this name, and waits", async () => {
    const tail = startCli(["tail", "--agent", "unborn"], environment());
    await tail.printed(/No agent unborn is alive\. It is shown when it starts\./);
    tail.child.kill("SIGINT");
    expect((await tail.ended).code).toBe(130);
  });

  it("shows past and new events, each once, and exits with 130 on Ctrl-C", async () => {
    const { data: before } = await mayfly.spawn({ name: "before" });
    const tail = startCli(["tail", "--since", "1h", "--format", "json"], environment());
    await tail.printed(/"before"/);
    const { data: after } = await mayfly.spawn({ name: "after" });
    await after?.remember({ task: "seen" });
    await after?.sync();
    await tail.printed(/memory\.created.*"after"|"after".*memory\.created/);
    tail.child.kill("SIGINT");
    const { code, out, err } = await tail.ended;
    expect(code).toBe(130);
    expect(err).not.toMatch(/Error|at /);
    const records = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { name: string; agent: { id: string } | null });
    for (const { data } of [{ data: before }, { data: after }]) {
      const spawned = records.filter(
        ({ name, agent }) => name === "agent.spawned" && agent?.id === data?.id,
      );
      expect(spawned).toHaveLength(1);
    }
    await before?.stop();
    await after?.stop();
  });

  it("shows one agent, category or level, or writes a file", async () => {
    const { data: agent } = await mayfly.spawn({ name: "alone" });
    await agent?.remember({ task: "a thing" });
    await agent?.sync();
    const file = join(folder, "run.txt");
    const words = ["tail", "--since", "1h", "--agent", "alone"];
    const basic = startCli([...words, "--level", "basic"], environment());
    const memory = startCli(
      [...words, "--category", "memory", "--format", "compact"],
      environment(),
    );
    const timeline = startCli([...words, "--format", "timeline", "--out", file], environment());
    await Promise.all([basic.printed(/agent\.spawned/), memory.printed(/memory\.created/)]);
    await expect
      .poll(() => readFile(file, "utf8").catch(() => ""), { timeout: 20_000 })
      .toMatch(/●.*memory\.created/);
    for (const { child } of [basic, memory, timeline]) child.kill("SIGTERM");
    const [one, two, three] = await Promise.all([basic.ended, memory.ended, timeline.ended]);
    expect(one).toMatchObject({ code: 143 });
    expect(one.out).not.toContain("memory.created");
    expect(two.out).toMatch(/^\d\d:\d\d:\d\d alone memory\.created\n$/);
    expect(three.out).toBe("");
    expect((await stat(file)).mode & 0o077).toBe(0);
    await agent?.stop();
  });

  it("shows an agent's debug records at the requested level, in every format", async () => {
    const { data: agent } = await mayfly.spawn({ name: "teller" });
    const words = ["tail", "--agent", "teller", "--category", "task,thought"];
    const tails = ["human", "compact", "json", "timeline"].map((format) =>
      startCli(
        [...words, "--level", format === "json" ? "trace" : "basic", "--format", format],
        environment(),
      ),
    );
    // Waits until all of them are listening.
    const telling = setInterval(() => {
      agent?.debug.thought("fine", { password: "hunter2" });
      agent?.debug.task("began", { file: "a.ts" });
    }, 200);
    await Promise.all(tails.map((tail) => tail.printed(/began[\s\S]*began/)));
    clearInterval(telling);
    for (const { child } of tails) child.kill("SIGINT");
    const [human, compact, json, timeline] = await Promise.all(tails.map(({ ended }) => ended));
    expect(human?.out).toMatch(/\d +teller +task began +file=a\.ts/);
    expect(compact?.out).toMatch(/^\d\d:\d\d:\d\d teller task began$/m);
    expect(timeline?.out).toMatch(/● {2}teller {2}task began {2}file=a\.ts/);
    expect(human?.out).not.toContain("thought");
    const thought = (json?.out ?? "").split("\n").find((line) => line.includes('"fine"'));
    expect(JSON.parse(thought ?? "")).toMatchObject({
      level: "trace",
      category: "thought",
      name: "fine",
      agent: { id: agent?.id, name: "teller" },
      data: { password: "[masked]" },
    });
    await agent?.stop();
  });

  it("ends without an error when the reader of its output is gone", async () => {
    const tail = startCli(["tail", "--since", "1h"], environment());
    await tail.printed(/agent\.spawned/);
    tail.child.stdout?.destroy();
    const { data: agent } = await mayfly.spawn({ name: "unheard" });
    const { code, err } = await tail.ended;
    expect(code).toBe(0);
    expect(err).not.toMatch(/EPIPE|Error/);
    await agent?.stop();
  });
});

describe("mayfly agents --watch", () => {
  it("shows who joins and leaves as JSON lines, and exits with 130 on Ctrl-C", async () => {
    const watch = startCli(["agents", "--watch", "--json"], environment());
    const { data: agent } = await mayfly.spawn({ name: "present" });
    await agent?.presence.track({ status: "reading" });
    await watch.printed(/"joined".*"present"/);
    await agent?.stop();
    await watch.printed(/"left".*"present"/);
    watch.child.kill("SIGINT");
    const { code, out } = await watch.ended;
    expect(code).toBe(130);
    for (const line of out.trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("change");
  });
});
