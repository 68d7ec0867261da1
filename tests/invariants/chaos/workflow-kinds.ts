/**
 * Workflows as code and as a graph that use every feature. The processes that run them are killed meanwhile.
 */
import { graph, type JobHandlers, workflow } from "@mayfly/sdk";
import { z } from "zod";

type Effect = (key: string, attempt: number) => void;
const Input = z.object({ n: z.number() });

export const asGraph = graph("chaos-graph", Input, {
  list: { result: z.array(z.number()), maxAttempts: 100 },
  square: { needs: ["list"], map: "list", result: z.number(), maxAttempts: 100 },
  never: { needs: ["list"], when: "$.input.n < 0", result: z.number() },
  sum: { needs: ["square"], optional: ["never"], result: z.number(), maxAttempts: 100 },
});
export const graphGives = (n: number) => ({ sum: n ** 2 + (n + 1) ** 2 + (n + 2) ** 2 });

export const asCode = workflow("chaos-code", Input, async (ctx, { n }) => {
  const first = await ctx.step("first", ({ idempotencyKey, attempt }) => {
    effect(idempotencyKey, attempt);
    return n;
  });
  const squares = await ctx.map("squares", [n, n + 1], (m) =>
    ctx.child<number>("chaos-square", { n: m }, { maxAttempts: 100 }),
  );
  const won = await ctx.any("wait", { go: ctx.signal<number>("go"), late: ctx.sleep("1h") });
  const { input } = await ctx.approve("Go on?", { n }, { category: "chaos" });
  await ctx.sleep("50ms");
  return ctx.step("last", ({ idempotencyKey, attempt }) => {
    effect(idempotencyKey, attempt);
    return { first, squares, won: won.key, value: won.value ?? null, approved: input.n };
  });
});
export const codeGives = (n: number) => ({
  first: n,
  squares: [n ** 2, (n + 1) ** 2],
  won: "go",
  value: n * 10,
  approved: n,
});

let effect: Effect = () => {};

export function handlersWith(given: Effect): JobHandlers {
  effect = given;
  return {
    ...asCode.handlers,
    ...asGraph.handlers({
      list: ({ input: { n } }) => [n, n + 1, n + 2],
      square: ({ item }) => item ** 2,
      never: () => 0,
      sum: ({ square, never }) =>
        never === null ? square.reduce((sum, one) => sum + one, 0) : Number.NaN,
    }),
    "chaos-square": ({ n }: { n: number }) => n ** 2,
  };
}
