import type { Agent, Mayfly, Result, SpawnOptions } from "@mayfly/sdk";

export function dataOf<T>({ data, error }: Result<T>): T {
  if (error) throw error;
  return data as T;
}

/** Spawns an agent, with a name from the pool unless the options have one. */
export const spawnIn = async (mayfly: Mayfly, options: SpawnOptions = {}): Promise<Agent> =>
  dataOf(await mayfly.spawn(options));
