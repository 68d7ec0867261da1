/**
 * A tenant with a row in every table, and every kind of caller that might attack it. Each room says in
 * `tests/<room>/sweep.ts` how it is filled and attacked. This file knows no room.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  anon,
  type Claims,
  inSeconds,
  inTenant,
  machineClaims,
  makeAgent,
  makePerson,
  makeTenant,
  rpc,
  type SpawnedAgent,
  type Sql,
  serviceRole,
} from "./callers.ts";
import { clockOf } from "./clock.ts";

export interface Caller {
  claims: Claims;
  headers?: Record<string, string>;
}

/** Each room declares what it adds here: `declare module "#harness/sweep" { interface Victim { … } }`. */
export interface Victim {
  tenant: string;
  owner: Claims;
  viewer: Claims;
  /** An agent that the owner spawned, with the scopes that the rooms ask for. */
  agent: SpawnedAgent;
}

/** How to call a function with the victim as the target. */
export interface Attack {
  values: Record<string, unknown>;
  /** The scope that a caller in the tenant needs. Null if the function needs none. */
  needs: string | null;
  /** The only kind of caller that can call the function. By default, every kind can. */
  only?: "person" | "agent" | "secret" | "renewal";
  /**
   * What a viewer with the scope may do: call the function, not call it, or call it and thereby change only things of
   * its own, such as its inbox.
   */
  viewer: "may" | "may not" | "own";
}

/** What a room provides for the sweep. */
export interface RoomSweep {
  /**
   * The room's tables in the schema mayfly, each with the scope that shows its rows, or null if every member
   * sees them. If different rows need different scopes, a function returns all of these scopes.
   */
  shownBy?: Record<string, string | null | ((sql: Sql) => Promise<string[]>)>;
  /** Tables that are the same for everyone who is signed in, and that nobody can change. */
  common?: string[];
  /** Scopes of the room that the victim's agent has. */
  scopes?: string[];
  /** Puts a row of the victim into each table of the room, in both schemas. Returns what attacks need to know. */
  fill?: (sql: Sql, victim: Victim) => Promise<Partial<Victim>>;
  /** The victim's topic of each kind of topic, by the name of the kind. */
  topics?: (victim: Victim) => Record<string, string>;
  /** The room's functions in the schema mayfly, by name. */
  attacks?: (victim: Victim) => Record<string, Attack>;
}

const tests = join(import.meta.dirname, "..");

async function readSweeps(): Promise<RoomSweep[]> {
  const text = await readFile(join(tests, "../sql/rooms.json"), "utf8");
  const { rooms } = JSON.parse(text) as { rooms: string[] };
  const files = rooms
    .map((room) => join(tests, room, "sweep.ts"))
    .filter((file) => existsSync(file));
  const found = await Promise.all(
    files.map((file) => import(/* @vite-ignore */ file) as Promise<{ sweep: RoomSweep }>),
  );
  return found.map(({ sweep }) => sweep);
}

/** The sweeps of all rooms, in the order of the rooms. */
export const sweeps: RoomSweep[] = await readSweeps();

/** In seconds: the longest life of an agent. With a short one, it could be refused because it has expired. */
export const longest = 900;

/** A tenant that uses every feature. */
export async function fillTenant(sql: Sql, more: RoomSweep[] = []): Promise<Victim> {
  const all = [...sweeps, ...more];
  const tenant = await makeTenant(sql, { max_living_agents: 1_000, spawns_per_minute: 10_000 });
  const owner = await makePerson(sql, { [tenant]: "owner" });
  const viewer = await makePerson(sql, { [tenant]: "viewer" });
  await rpc(sql, owner, "define_agent_type", { name: "scout", prompt: "the secret prompt" });
  const agent = await makeAgent(sql, tenant, {
    as: owner,
    lifetime: longest,
    type: "scout",
    registration_key: "scout",
    scopes: all.flatMap(({ scopes }) => scopes ?? []),
  });
  const victim = { tenant, owner, viewer, agent } as Victim;
  for (const { fill } of all) Object.assign(victim, await fill?.(sql, victim));
  return victim;
}

/** Callers of every kind that have no rights in the victim's tenant. */
export async function makeStrangers(
  sql: Sql,
  victim: Victim,
  more: RoomSweep[] = [],
): Promise<Record<string, Caller>> {
  const { tenant, agent, owner } = victim;
  const own = await fillTenant(sql, more);
  const stopped = await makeAgent(sql, tenant, { lifetime: longest });
  await rpc(sql, stopped.claims, "stop_agent");
  const suspended = await makeAgent(sql, tenant, { lifetime: longest });
  await rpc(sql, suspended.claims, "suspend_agent");
  const expired = await makeAgent(sql, tenant, { lifetime: 5 });
  await clockOf(sql).advance("6 seconds");
  const parent = await makeAgent(sql, tenant, {
    lifetime: longest,
    scopes: ["agent:spawn", "memory:read"],
  });
  const orphan = await makeAgent(sql, tenant, {
    as: parent.claims,
    lifetime: longest,
    scopes: ["memory:read"],
  });
  await rpc(sql, parent.claims, "stop_agent");
  const removed = await makePerson(sql, {});
  const revoked = await rpc<{ key: string; enrolment_key: { id: string } }>(
    sql,
    owner,
    "create_enrolment_key",
    { name: "gone" },
  );
  await rpc(sql, owner, "revoke_enrolment_key", { id: revoked.enrolment_key.id });
  const named = inTenant(tenant);
  const forged = { ...(own.agent.claims.mayfly as object), tenant };

  return Object.fromEntries(
    Object.entries<Caller>({
      anon: { claims: anon },
      "anon, naming this tenant": { claims: anon, headers: named },
      "a person without a tenant": { claims: removed, headers: named },
      "the owner of another tenant": { claims: own.owner },
      "the owner of another tenant, naming this one": { claims: own.owner, headers: named },
      "an agent of another tenant": { claims: own.agent.claims },
      "an agent of another tenant, naming this one": { claims: own.agent.claims, headers: named },
      "an agent of another tenant whose claims name this one": {
        claims: { ...own.agent.claims, mayfly: forged },
      },
      "a machine of another tenant, naming this one": {
        claims: machineClaims(own.key),
        headers: named,
      },
      "a machine whose key is revoked": { claims: machineClaims(revoked.key) },
      "a stopped agent of this tenant": { claims: stopped.claims },
      "a suspended agent of this tenant": { claims: suspended.claims },
      "an expired agent of this tenant": { claims: expired.claims },
      "an agent of this tenant whose parent has stopped": { claims: orphan.claims },
      "an agent of this tenant by a wrong issuer": { claims: { ...agent.claims, iss: "somebody" } },
      "an agent of this tenant before its time": {
        claims: { ...agent.claims, nbf: inSeconds(3_600) },
      },
      "an agent of this tenant by an expired token": {
        claims: { ...agent.claims, exp: inSeconds(-31) },
      },
      "the owner of this tenant by a wrong issuer": { claims: { ...owner, iss: "mayfly" } },
      "the owner of this tenant by an expired token": { claims: { ...owner, exp: inSeconds(-31) } },
      "an OAuth client of the owner of this tenant, with nothing granted": {
        claims: { ...owner, client_id: "another" },
      },
      "a person whose id is the agent's": { claims: { ...own.owner, sub: agent.id } },
      "the secret key, naming no tenant": { claims: serviceRole },
    }).map(([who, caller]) => [who, lasting(caller)]),
  );
}

/** Gives a token that has not expired a later expiry, because a sweep may take longer than a token lives. */
const lasting = (caller: Caller): Caller =>
  Number(caller.claims.exp) > Date.now() / 1000
    ? { ...caller, claims: { ...caller.claims, exp: inSeconds(7_200) } }
    : caller;
