/**
 * A tenant full of data, made only through the public SDK. The data is the same in each run, except
 * for ids and times. A new room adds a file next to this one and a line to `rooms`.
 */
import { Mayfly } from "@mayfly/sdk";
import { agents } from "./agents.ts";
import { channels } from "./channels.ts";
import { costs } from "./costs.ts";
import { debug } from "./debug.ts";
import { facts } from "./facts.ts";
import { jobs } from "./jobs.ts";
import { memory } from "./memory.ts";
import { messages } from "./messages.ts";
import { runs } from "./runs.ts";
import { state } from "./state.ts";
import { teams } from "./teams.ts";
import { tenants } from "./tenants.ts";
import { workflows } from "./workflows.ts";
import { done, type Room, randomFrom, type World } from "./world.ts";

/** The rooms in order: each one uses what the earlier ones made. */
const rooms: Record<string, Room> = {
  agents,
  memory,
  messages,
  channels,
  state,
  jobs,
  workflows,
  costs,
  runs,
  teams,
  facts,
  debug,
  tenants,
};

export interface SeedOptions {
  url: string;
  /** The secret key. */
  key: string;
  /** The tenant's name, `seed` by default. */
  name?: string;
  say?: (line: string) => void;
  /** Ends the seed after the room in progress, and erases the incomplete tenant. */
  signal?: AbortSignal;
}

/**
 * @returns the tenant's id. Null if a tenant of this name already exists. That tenant stays as it
 * is.
 */
export async function seed(options: SeedOptions): Promise<string | null> {
  const { url, key, name = "seed", say = () => {} } = options;
  const { tenants: all } = new Mayfly({ url, key });
  if ((await done(all.list())).some((tenant) => tenant.name === name)) return null;
  const { id: tenant } = await done(all.create({ name }));
  const mayfly = new Mayfly({ url, key, tenant });
  try {
    await done(mayfly.tenants.update({ maxLifetime: 8 * 3600 }));
    // This runs before the agents are spawned, because they learn the setting when they start.
    await done(mayfly.debug.persist({ persist: true, level: "verbose", keepSeconds: 7 * 86_400 }));
    const world: World = { mayfly, agents: new Map(), random: randomFrom(20_261_128) };
    for (const [room, make] of Object.entries(rooms)) {
      for (const line of await make(world)) say(`${room.padEnd(10)} ${line}`);
      options.signal?.throwIfAborted();
    }
    return tenant;
  } catch (error) {
    // Erase the incomplete tenant, because the next run would take it for a complete one.
    await mayfly.tenants.erase({ name });
    throw error;
  } finally {
    // The agents stay alive. Only their connections from here are closed.
    await done(mayfly.close());
  }
}
