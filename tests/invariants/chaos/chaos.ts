/** A mixed load, random failures from a seed, and the invariants afterwards. */
import { writeFile } from "node:fs/promises";
import { Mayfly } from "@mayfly/sdk";
import postgres from "postgres";
import { expect } from "vitest";
import { makeTenant, type Sql } from "#harness/callers";
import {
  checkAgents,
  checkFamilies,
  checkLog,
  checkMemories,
  checkNothingHangs,
  checkWatched,
} from "./invariants.ts";
import { startListener } from "./listener.ts";
import { type Load, startLoad } from "./load.ts";
import { live, liveAndDie, type Mortal, trialOf } from "./mortals.ts";
import { type Random, randomOf } from "./random.ts";
import type { Stack } from "./stack.ts";

export interface Strike {
  name: string;
  /** How often this failure happens, relative to the others. */
  weight: number;
  strike(context: { load: Load; random: Random }): Promise<void>;
}

export interface Chaos {
  stack: Stack;
  strikes: Strike[];
  seed: number;
  /** How many failures there are in the whole run. */
  blows: number;
  agents: number;
  /** Connects as the superuser, through the wire port of the embedded Supabase or to the Postgres behind it. */
  connect(): Sql;
}

/**
 * Runs the load while failures happen, and then checks the invariants.
 *
 * @throws if an invariant does not hold. The output has the seed.
 */
export async function runChaos({
  stack,
  strikes,
  seed,
  blows,
  agents,
  connect,
}: Chaos): Promise<void> {
  const random = randomOf(seed);
  const sql = connect();
  const tenant = await makeTenant(sql, {
    writes_per_minute: 1_000_000,
    max_living_agents: 10_000,
    spawns_per_minute: 100_000,
  });
  await sql.end({ timeout: 1 });
  const { apiUrl: url, secretKey: key } = stack.serving;
  const mayfly = new Mayfly({ url, key, tenant });

  const seen: string[] = [];
  const { data: watch, error } = await mayfly.log.watch(
    { types: ["memory.created"], pollMs: 300 },
    ({ events }) => {
      for (const { subject } of events) seen.push(String(subject));
    },
  );
  if (error) throw error;
  const listener = await startListener(mayfly);
  const load = await startLoad(agents, { url, key, tenant, seed, listener: listener.id });
  const struck: Record<string, number> = {};
  const mortals: Mortal[] = [];
  try {
    await untilTrue(() => load.account.acknowledged.size > 0, 60_000);
    for (let blow = 0; blow < blows; blow++) {
      await pause(random.between(500, 2_500));
      const mortal = await liveAndDie(stack.serving, tenant);
      if (mortal) mortals.push(mortal);
      const { name, strike } = weighted(strikes, random);
      struck[name] = (struck[name] ?? 0) + 1;
      await strike({ load, random });
    }
    await load.end();
    await untilServing(stack);
    const drained = await load.drain();
    expect(await load.drain(), "operations left after a drain").toBe(0);

    const asked = connect();
    await checkMemories(asked, tenant, load.account);
    const children = await checkFamilies(asked, tenant);
    await checkAgents(asked, tenant, load.account);
    const order = await checkLog(asked, tenant, load.account);
    await checkNothingHangs(asked);
    await untilTrue(() => seen.length >= order.length, 40_000);
    checkWatched(seen, order, load.account);
    await listener.check(asked, tenant, load.account.sent);
    await asked.end({ timeout: 1 });

    const dead = mortals.filter(({ stopped }) => stopped);
    const living = await live(stack.serving, tenant);
    expect(await trialOf(stack.serving, living?.token ?? ""), "the token of a living agent").toBe(
      "1 rows, 200",
    );
    for (const { token, id } of dead)
      expect(await trialOf(stack.serving, token), id).toBe("0 rows, 401");
    const { kept, acknowledged, recalls, failures } = load.account;
    console.log(
      JSON.stringify({
        seed,
        struck,
        kept: kept.size,
        acknowledged: acknowledged.size,
        drained,
        sent: load.account.sent.size,
        heard: listener.heard.length,
        children,
        dead: dead.length,
        recalls,
        failures,
      }),
    );
    // Something of each kind that is checked above must exist.
    expect(acknowledged.size, "acknowledged operations").toBeGreaterThan(20);
    expect(load.account.sent.size, "messages").toBeGreaterThan(5);
    expect(children, "children").toBeGreaterThan(0);
    expect(dead.length, "stopped agents").toBeGreaterThan(0);
    expect(Object.values(recalls).length, "recalls").toBeGreaterThan(0);
    // While a part of the stack is missing, calls get `unavailable`, which is temporary. `internal` would be
    // our fault.
    expect(
      Object.keys(failures).filter((name) => !/: (unavailable|not_authorized)$/.test(name)),
    ).toEqual([]);
  } finally {
    await load.end().catch(() => {});
    await watch.stop();
    await listener.stop();
    await mayfly.close();
    await load.close();
    // Keeps the server's output, which may show why a test has failed.
    if (process.env.CHAOS_LOG) await writeFile(process.env.CHAOS_LOG, stack.output());
  }
}

export const connectTo = (url: string): Sql => postgres(url, { max: 1, onnotice: () => {} });

function weighted(strikes: Strike[], random: Random): Strike {
  let at = random.between(
    1,
    strikes.reduce((sum, { weight }) => sum + weight, 0),
  );
  for (const strike of strikes) {
    at -= strike.weight;
    if (at <= 0) return strike;
  }
  return strikes[0] as Strike;
}

async function untilServing(stack: Stack): Promise<void> {
  await untilTrue(async () => {
    const response = await fetch(`${stack.serving.apiUrl}/health`).catch(() => undefined);
    return response?.ok === true;
  }, 30_000);
}

/** Waits until `holds` returns true, or until `withinMs` have passed. */
export async function untilTrue(
  holds: () => boolean | Promise<boolean>,
  withinMs: number,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds()) && performance.now() < end) await pause(100);
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
