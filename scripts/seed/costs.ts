/** Prices of the seed's model, and what the tenant may spend. */
import { done, type Room } from "./world.ts";

export const costs: Room = async ({ mayfly }) => {
  const units = { input: [[0, 3]], output: [[0, 15]] } satisfies Record<string, [number, number][]>;
  await done(
    mayfly.costs.importPrices(
      [{ provider: "stand-in", model: "scripted", prices: [{ units }] }],
      "the seed",
    ),
  );
  await done(
    mayfly.costs.budgets.set({ level: "tenant", hardUsd: 50, softUsd: 40, period: "month" }),
  );
  return ["prices of the scripted model, and a budget of $50 a month"];
};
