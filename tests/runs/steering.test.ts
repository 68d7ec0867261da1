/**
 * What changes the course of a run: handing over to another agent, pausing, cancelling, and starting it
 * twice. Also the secrets of a run, and agents that are classes.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { MockLanguageModelV4 } from "ai/test";
import { ts } from "ts-morph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { codeOf, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { sqlDoor } from "#harness/jobs-door";
import { standInForNet } from "../jobs/pg-net.ts";
import { makeWorker, scopes } from "../jobs/working.ts";
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

describe("the context that a run gives to its tools and models", () => {
  it("includes the tenant's secrets, from the worker or else from Vault, and no row has them", async () => {
    const { tenant, owner } = await makeRunning(db.sql);
    const { tenant: other } = await makeRunning(db.sql);
    const said = `sk-${crypto.randomUUID()}`;
    await standInForNet(db.sql, {
      [`mayfly/${tenant}/bank`]: said,
      [`mayfly/${other}/theirs`]: "theirs",
    });
    const used: unknown[] = [];
    const agent = defineAgent({
      name: "payer",
      model: async ({ secret }) => {
        used.push(await secret("model"));
        return scriptedModel((step) =>
          step === 1
            ? { calls: ["bank", "theirs"].map((name) => ({ tool: "pay", input: { name } })) }
            : "Paid.",
        );
      },
      tools: {
        pay: tool({
          input: z.object({ name: z.string() }),
          run: async ({ name }, { secret }) => {
            used.push(await secret(name));
            return "paid";
          },
        }),
      },
    });
    const secrets = (name: string, of: string) => (name === "model" ? `of ${of}` : undefined);
    const scopesOf = (more: string[]) => [...scopes, "run:write", "cost:write", ...more];
    const runAs = async (more: string[]) => {
      const worker = await makeWorker(db.sql, tenant, { scopes: scopesOf(more) });
      const id = await start(db.sql, worker.claims, agent, "Pay.");
      await work(
        db.sql,
        worker.claims,
        sqlDoor(db.sql, worker.claims),
        runAgents(agent, { secrets }),
      );
      return runOf(db.sql, owner, id);
    };
    expect((await runAs(["secret:read"])).tools).toMatchObject([
      { status: "succeeded", result: '"paid"' },
      { status: "failed", error: { code: "not_configured" } },
    ]);
    expect(used).toEqual([`of ${tenant}`, said, `of ${tenant}`]);
    expect((await runAs([])).tools).toMatchObject([
      { status: "failed", error: { code: "scope_missing" } },
      { status: "failed", error: { code: "scope_missing" } },
    ]);
    const kept = await db.sql`
      select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname in ('mayfly', 'mayfly_private')`;
    for (const { name } of kept) {
      const [row] = await db.sql.unsafe(
        `select count(*)::int as rows from ${name} t where t::text like '%${said}%'`,
      );
      expect(row?.rows, name).toBe(0);
    }
  });

  it("is the same if the agent is a class with decorators", async () => {
    const running = await makeRunning(db.sql);
    const source = `
      import { agentOf, DefineAgent, Tool } from "@mayfly/sdk";
      export const deskOf = (model, input) => {
        @DefineAgent({ name: "desk", model, instructions: "Be kind." })
        class Desk {
          refunded = 0;
          @Tool({ input, risk: "read", description: "Gives money back." })
          refund({ order }, { idempotencyKey }) {
            this.refunded++;
            return { order, once: idempotencyKey.split("/").slice(1), refunded: this.refunded };
          }
        }
        return agentOf(new Desk());
      };`;
    // Node cannot run decorators yet, so this is what TypeScript compiles them to.
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    const file = join(import.meta.dirname, `.decorated-${process.pid}.mjs`);
    await writeFile(file, outputText);
    const { deskOf } = await import(file).finally(() => rm(file));
    const system: unknown[] = [];
    const agent = deskOf(
      scriptedModel((step, prompt) => {
        system.push(prompt[0]);
        return step === 1 ? { calls: [{ tool: "refund", input: { order: 17 } }] } : "Done.";
      }),
      z.object({ order: z.number() }),
    );
    const run = await runToEnd(db.sql, running, agent, "Refund.");
    expect(run).toMatchObject({ status: "succeeded", output: '"Done."' });
    expect(JSON.parse(run.tools[0]?.result ?? "")).toEqual({
      order: 17,
      once: ["1", "call-1-1"],
      refunded: 1,
    });
    expect(system[0]).toMatchObject({ role: "system", content: "Be kind." });
  });
});

describe("a run that is steered", () => {
  it("changes its status only by allowed transitions, whoever writes it", async () => {
    const { worker, owner, door } = await makeRunning(db.sql);
    const agent = defineAgent({ name: "moved", model: scriptedModel(() => "Yes.") });
    const id = await start(db.sql, worker.claims, agent, "?");
    const move = (to: string) => db.sql`
      select mayfly_private.move_run(r, ${to}, null, null) from mayfly.runs r where r.id = ${id}`;
    expect(await codeOf(move("succeeded"))).toBe("transition_not_allowed");
    await work(db.sql, worker.claims, door, runAgents(agent));
    for (const to of ["queued", "running", "failed", "cancelled", "max_cost"])
      expect(await codeOf(move(to)), to).toBe("transition_not_allowed");
    const unknown = db.sql`update mayfly.runs set status = 'thinking' where id = ${id}`;
    expect(await codeOf(unknown)).toBe("23514");
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "succeeded" });
  });

  it("hands over to an agent that continues with its own instructions, and can ask a third agent", async () => {
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

  it("is paused before a step, costs nothing meanwhile, continues, and ends when it is cancelled", async () => {
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
    const told = await db.sql<{ type: string }[]>`
      select type from mayfly.events where subject = ${id} and type in ('run.paused', 'run.resumed') order by xid, id`;
    expect(told.map(({ type }) => type)).toEqual(["run.paused", "run.resumed"]);

    const other = await start(db.sql, worker.claims, agent, "Go.", "k");
    await rpc(db.sql, owner, "cancel_jobs", { ids: [other] as never });
    expect(await runOf(db.sql, owner, other)).toMatchObject({ status: "cancelled" });
  });

  it("is cancelled in the middle of a model call, which is aborted, and its reservation comes back", async () => {
    const { tenant, worker, owner, door } = await makeRunning(db.sql);
    let isAborted = false;
    const endless = new MockLanguageModelV4({
      provider: "test.scripted",
      modelId: "endless",
      doStream: async ({ abortSignal }) => ({
        stream: new ReadableStream<LanguageModelV4StreamPart>({
          start: (controller) => {
            controller.enqueue({ type: "text-start", id: "1" });
            abortSignal?.addEventListener("abort", () => {
              isAborted = true;
              controller.error(abortSignal.reason);
            });
          },
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 10));
            if (!isAborted) controller.enqueue({ type: "text-delta", id: "1", delta: "and " });
          },
        }),
      }),
    });
    const agent = defineAgent({ name: "endless", model: endless });
    const id = await start(db.sql, worker.claims, agent, "Go.");
    const working = work(db.sql, worker.claims, door, runAgents(agent));
    const held = async () =>
      (
        await db.sql`select from mayfly_private.cost_holds where tenant_id = ${tenant} and released_at is null`
      ).length;
    await expect.poll(held).toBe(1);
    await rpc(db.sql, owner, "cancel_jobs", { ids: [id] as never });
    await working;
    expect(isAborted).toBe(true);
    expect(await runOf(db.sql, owner, id)).toMatchObject({ status: "cancelled", calls: [] });
    await db.sql`select mayfly_private.maintain_costs(${tenant}, 100)`;
    expect(await held()).toBe(0);
  });

  it("is started only once if two calls have the same key, and an invalid call is refused with the name of the field", async () => {
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
