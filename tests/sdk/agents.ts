import type { Agent, Mayfly, Result, SpawnOptions } from "../../sdk/src/index.ts";

export function dataOf<T>({ data, error }: Result<T>): T {
  if (error) throw error;
  return data as T;
}

export const spawnIn = async (
  mayfly: Mayfly,
  options: Partial<SpawnOptions> = {},
): Promise<Agent> => dataOf(await mayfly.spawn({ name: "agent", ...options }));
