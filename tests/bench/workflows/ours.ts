/**
 * The SDK's worker next to the database. The workflows are code, and the map is measured as a graph as well.
 */
import { graph, workflow } from "@mayfly/sdk";
import { openBackend } from "#harness/backend";
import { makeAgent, makeTenant } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { directDoor, Worker } from "#harness/jobs-door";
import { unlimited } from "../lib/target.ts";
import { concurrency, type Engine, type Program, type RunInput } from "./engine.ts";

export async function openOurs(
  db: TestDatabase,
  programs: Record<string, Program>,
): Promise<Engine & { startGraph(input: RunInput): Promise<void> }> {
  const tenant = await makeTenant(db.sql, unlimited);
  const agentOf = async () => (await makeAgent(db.sql, tenant, { lifetime: 3_600 })).claims;
  const caller = await openBackend(db.url, await agentOf());
  const bench = workflow("bench", null, async (ctx, input: RunInput) => {
    await programs[input.kind]?.(input, {
      step: (name, work) => ctx.step(name, work),
      wait: async () => ctx.signal("go"),
      children: async (count) => {
        const numbers = Array.from({ length: count }, (_, n) => n);
        const all = await ctx.map("child", numbers, (n) => ctx.child<number>("number", { n }));
        return all.reduce((sum, n) => sum + n, 0);
      },
    });
  });
  const mapped = graph("mapped", null, {
    list: {},
    child: { needs: ["list"], map: "list" },
    sum: { needs: ["child"] },
  });
  const door = await directDoor(db.url, await agentOf());
  const handlers = {
    ...bench.handlers,
    ...mapped.handlers({
      list: ({ input }) => Array.from({ length: (input as RunInput).count }, (_, n) => n),
      child: ({ item }) => Number(item),
      sum: async ({ child, input }) => {
        const sum = (child as number[]).reduce((all, n) => all + n, 0);
        const given = input as RunInput;
        await programs[given.kind]?.(given, { children: async () => sum } as never);
      },
    }),
    number: ({ n }: { n: number }) => n,
  };
  const { data: work, error } = Worker.start(door, handlers, {
    concurrency,
    drainOnTermination: false,
    onError: console.error,
  });
  if (error) throw error;
  const ids = new Map<string, string>();
  const start = async (name: string, input: RunInput) => {
    const [row] = await caller.query<{ answer: { id: string }[] }>(
      "select mayfly.add_jobs($1) as answer",
      [[{ name, input }]],
    );
    ids.set(input.id, row?.answer[0]?.id ?? "");
  };
  return {
    name: "mayfly",
    start: (input) => start(bench.job, input),
    startGraph: (input) => start(mapped.job, input),
    signal: async (id) =>
      void (await caller.query("select mayfly.signal_job($1, 'go')", [ids.get(id)])),
    async close() {
      await work.stop({ timeoutMs: 0 });
      await door.close();
      await caller.close();
    },
  };
}
