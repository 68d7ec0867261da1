/** Agents on one embedded Supabase, a connection that a test can cut, and lists that wait for enough items. */
import {
  type Agent,
  type DebugRecord,
  type DebugWatch,
  Mayfly,
  type MayflyOptions,
  type SpawnOptions,
} from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { dataOf } from "#harness/agents";
import { mayflyWith, signIn, startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

export let local: TestLocal;
export let proxy: TestProxy;
export let tenant: string;
export let mayfly: Mayfly;
/** Connects through the proxy. */
export let watched: Mayfly;
export const agents: Agent[] = [];
export const doors: Mayfly[] = [];
export const watches: { stop(): Promise<void> }[] = [];

export function setUp(): void {
  beforeAll(async () => {
    local = await startTestLocal({ limits: { joinErrorBackoffMs: 50 } });
    proxy = await startProxy(local.apiUrl);
  });
  afterAll(async () => {
    await proxy?.close();
    await local?.close();
  });
  beforeEach(async () => {
    ({ tenant, mayfly } = await local.enter());
    watched = open({ url: proxy.url });
  });
  afterEach(async () => {
    proxy.up();
    await Promise.all(watches.splice(0).map((watch) => watch.stop()));
    await Promise.all(agents.splice(0).map((agent) => agent.close()));
    await Promise.all([mayfly, ...doors.splice(0)].map((door) => door.close()));
  });
}

export function open(options: Partial<MayflyOptions> = {}): Mayfly {
  const door = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant, ...options });
  doors.push(door);
  return door;
}

export async function spawn(
  options: SpawnOptions = {},
  by: Mayfly | Agent = mayfly,
): Promise<Agent> {
  const agent = dataOf(await by.spawn(options));
  agents.push(agent);
  return agent;
}

/** A member of the tenant with this role, signed in. */
export async function enterAs(role: string): Promise<Mayfly> {
  const person = mayflyWith(local, await signIn(local, tenant, role), { tenant });
  doors.push(person);
  return person;
}

/** A list of what was received, and a promise that resolves when there is enough. */
export function listOf<T>() {
  const items: T[] = [];
  let changed = () => {};
  return {
    items,
    take: (item: T) => {
      items.push(item);
      changed();
    },
    until: (holds: () => boolean) =>
      new Promise<void>((resolve) => {
        changed = () => holds() && resolve();
        changed();
      }),
  };
}

export async function hear(by: Mayfly, options: Parameters<Mayfly["debug"]["watch"]>[0] = {}) {
  const heard = listOf<DebugRecord>();
  const problems: unknown[] = [];
  const watch = dataOf(
    await by.debug.watch({ onError: (error) => problems.push(error), ...options }, heard.take),
  );
  watches.push(watch);
  const names = () => heard.items.map(({ name }) => name);
  return { ...heard, problems, watch: watch as DebugWatch, names };
}

/** Waits until `holds` returns true. It polls, because a test cannot see when an agent gets a broadcast. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
