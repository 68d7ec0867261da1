/**
 * A tenant full of life, made through the public SDK alone: the same at each run, but for ids and times.
 * A new room adds a file beside this one and a line to `rooms`.
 */
import { Mayfly } from "@mayfly/sdk";
import { agents } from "./agents.ts";
import { channels } from "./channels.ts";
import { debug } from "./debug.ts";
import { facts } from "./facts.ts";
import { jobs } from "./jobs.ts";
import { memory } from "./memory.ts";
import { messages } from "./messages.ts";
import { state } from "./state.ts";
import { tenants } from "./tenants.ts";
import { done, type Room, randomFrom, type World } from "./world.ts";

/** In the order in which they are made: each finds what those before it made. */
const rooms: Record<string, Room> = {
  agents,
  memory,
  messages,
  channels,
  state,
  jobs,
  facts,
  debug,
  tenants,
};

export interface SeedOptions {
  url: string;
  /** The secret key. */
  key: string;
  /** The tenant's name; `seed` by default. */
  name?: string;
  say?: (line: string) => void;
}

/** @returns the tenant's id; null where there is one of this name already, which stays as it is. */
export async function seed(options: SeedOptions): Promise<string | null> {
  const { url, key, name = "seed", say = () => {} } = options;
  const { tenants: all } = new Mayfly({ url, key });
  if ((await done(all.list())).some((tenant) => tenant.name === name)) return null;
  const { id: tenant } = await done(all.create({ name }));
  const mayfly = new Mayfly({ url, key, tenant });
  try {
    await done(mayfly.tenants.update({ maxLifetime: 8 * 3600 }));
    // Before the agents, who are told of it when they are spawned.
    await done(mayfly.debug.persist({ persist: true, level: "verbose", keepSeconds: 7 * 86_400 }));
    const world: World = { mayfly, agents: new Map(), random: randomFrom(20_261_128) };
    for (const [room, make] of Object.entries(rooms))
      for (const line of await make(world)) say(`${room.padEnd(10)} ${line}`);
    return tenant;
  } catch (error) {
    // Half a seed would be taken for a whole one by the next run.
    await mayfly.tenants.erase({ name });
    throw error;
  } finally {
    // The agents live on: only their connections from here are closed.
    await done(mayfly.close());
  }
}
