/** An agent that calls the functions of states, for tests of states and their versions. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import {
  actAs,
  type Claims,
  inTenant,
  makeAgent,
  makeTenant,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

export interface State {
  id: string;
  agent_id: string | null;
  key: string;
  version: number;
  value: unknown;
  updated_by: string | null;
  expires_at: string | null;
}

export const scopes = ["memory:read", "state:read", "state:write", "agent:spawn"];

export let db: TestDatabase;
export let tenant: string;
export let agent: SpawnedAgent;

export function setUp(): void {
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());
  beforeEach(async () => {
    tenant = await makeTenant(db.sql, { max_lifetime: "1 day" });
    agent = await makeAgent(db.sql, tenant, { scopes, lifetime: 80_000 });
  });
}

/** The time in an hour, by the clock that tests can move. */
export const inAnHour = async () => {
  const [row] = await db.sql`select mayfly_private.now() + interval '1 hour' as at`;
  return (row?.at as Date).toISOString();
};

/** Passes an instant as a text, because the driver would cut it to milliseconds. */
const passed = ([key]: [string, unknown], index: number) =>
  `${key} => $${index + 1}${key === "instant" ? "::text::timestamptz" : ""}`;

/** JSON values as the Data API passes them. */
export const call = <T = State>(
  name: string,
  values: Record<string, unknown>,
  as: Claims = agent.claims,
) =>
  actAs(
    db.sql,
    as,
    async (session) => {
      const named = Object.entries(values);
      const [row] = await session.unsafe(
        `select to_jsonb(mayfly.${name}(${named.map(passed).join(", ")})) as answer`,
        named.map(([key, value]) =>
          ["value", "patch", "ours"].includes(key) ? session.json(value as never) : value,
        ) as never[],
      );
      return row?.answer as T;
    },
    as === serviceRole ? inTenant(tenant) : {},
  );
export const set = (key: string, value: unknown, more: Record<string, unknown> = {}, as?: Claims) =>
  call("set_state", { key, value, ...more }, as);
export const get = (key: string, more: Record<string, unknown> = {}, as?: Claims) =>
  call<State | null>("get_state", { key, ...more }, as);
export const events = () => db.sql`
  select type, subject, agent_id, version, fields, audience from mayfly.events
  where tenant_id = ${tenant} and type = 'state.changed' order by id`;
