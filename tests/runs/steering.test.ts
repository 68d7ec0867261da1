/** Runs that hand over, ask others, pause and are started once. */
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { codeOf, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { makeRunning, outputOf, runOf, runToEnd, scriptedModel, start, work } from "./running.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const search = tool({
  description: "Finds a word.",
  input: z.object({ q: z.string() }),
  risk: "read",
  run: ({ q }) => ({ found: q.toUpperCase() }),
});

describe("a run that is steered", () => {
  it("hands over to another agent, which goes on with its own instructions, and asks one that answers", async () => {
    const running = await makeRunning(db.sql);
    const system: unknown[] = [];
    const helper = defineAgent({
      name: "helper",
      model: scriptedModel(() => "It is 42.", "helper"),
    });
    const editor = defineAgent({
      name: "editor",
      instructions: "You are the editor.",
      model: scriptedModel((step, prompt) => {
        system.push(prompt[0]);
        return step === 2
          ? { calls: [{ tool: "ask_helper", input: { task: "How much?" } }] }
          : JSON.stringify(prompt.at(-1)).includes("It is 42.")
            ? "Printed 42."
            : "Nothing.";
      }, "editor"),
      delegates: [helper],
    });
    const writer = defineAgent({
      name: "writer",
      instructions: "You are the writer.",
      model: scriptedModel(
        () => ({ calls: [{ tool: "hand_over_to_editor", input: { why: "It is done." } }] }),
        "writer",
      ),
      handOver: [editor],
    });
    const run = await runToEnd(db.sql, running, writer, "Write.");
    expect(run).toMatchObject({ status: "succeeded", output: '"Printed 42."', steps: 3 });
    expect(system).toMatchObject([
      { content: "You are the editor." },
      { content: "You are the editor." },
    ]);
    expect(run.tools).toMatchObject([
      { tool: "hand_over_to_editor" },
      { tool: "ask_helper", status: "succeeded", result: '"It is 42."' },
    ]);
    const children = await rpc<{ agent: string; parent_id: string; status: string }[]>(
      db.sql,
      running.owner,
      "list_runs",
      { of_agent: "helper" },
    );
    expect(children).toMatchObject([{ parent_id: run.id, status: "succeeded" }]);
  });

  it("is paused before a step, costs nothing meanwhile, and goes on; cancelled it ends", async () => {
    const running = await makeRunning(db.sql);
    const { worker, owner, door } = running;
    let calls = 0;
    const agent = defineAgent({
      name: "paused",
      model: scriptedModel(async (step) => {
        calls++;
        if (step === 1) await rpc(db.sql, owner, "pause_run", { id });
        return step === 1 ? { calls: [{ tool: "search", input: { q: "x" } }] } : "Done.";
      }),
      tools: { search },
    });
    const handlers = runAgents(agent);
    const id = await start(db.sql, worker.claims, agent, "Go.");
    await work(db.sql, worker.claims, door, handlers);
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "paused", steps: 1 });
    expect(calls).toBe(1);
    await rpc(db.sql, owner, "pause_run", { id, paused: false });
    await work(db.sql, worker.claims, door, handlers);
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "succeeded", steps: 2 });
    expect(calls).toBe(2);
    expect(await codeOf(rpc(db.sql, owner, "pause_run", { id }))).toBe("run_finished");

    const other = await start(db.sql, worker.claims, agent, "Go.", "k");
    await rpc(db.sql, owner, "cancel_jobs", { ids: [other] as never });
    expect(await runOf(db.sql, owner, other)).toMatchObject({ status: "cancelled" });
  });

  it("is started once for a key, and refused by the field that is wrong", async () => {
    const { worker } = await makeRunning(db.sql);
    const agent = defineAgent({ name: "once", model: scriptedModel(() => "Yes.") });
    const first = await start(db.sql, worker.claims, agent, "?", "a");
    expect(await start(db.sql, worker.claims, agent, "?", "a")).toBe(first);
    for (const [values, field] of [
      [{ agent: "Analyst" }, "agent"],
      [{ agent: "a", input: "{" }, "input"],
      [{ agent: "a", limits: { steps: 0 } }, "limits"],
    ] as const)
      expect(
        (await refusalOf(rpc(db.sql, worker.claims, "start_run", values as never))).details,
      ).toEqual({ field });
    expect(await outputOf(db.sql, worker.claims, first)).toBeNull();
  });
});
