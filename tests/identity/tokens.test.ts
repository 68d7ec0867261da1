import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  inSeconds,
  makeAgent,
  makePerson,
  makeTenant,
  rpc,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

let db: TestDatabase;
let tenant: string;
let person: Claims;
let agent: Claims;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql);
  person = await makePerson(db.sql, { [tenant]: "owner" });
  agent = (await makeAgent(db.sql, tenant)).claims;
});
afterAll(() => db.close());

const belongs = async (claims: Claims) =>
  (await rpc<string[]>(db.sql, claims, "tenant_ids")).length > 0;

describe("a token gets nothing in the database", () => {
  it.each<[string, Claims]>([
    ["when it has expired", { exp: inSeconds(-31) }],
    ["when it is not yet valid", { nbf: inSeconds(600) }],
    ["without exp", { exp: undefined }],
    ["with an exp that is not a number", { exp: "soon" }],
    ["with an nbf that is not a number", { nbf: "later" }],
    ["of another issuer", { iss: "https://elsewhere.example" }],
    ["of no issuer", { iss: undefined }],
    ["of another role", { role: "anon" }],
  ])("%s", async (_what, change) => {
    for (const claims of [person, agent]) {
      expect(await belongs(claims)).toBe(true);
      const { role = "authenticated", ...rest } = change;
      // The role is always one that may call functions, because the test is about how functions treat claims.
      const tenants = await actAs(db.sql, { role: "authenticated" }, async (session) => {
        await session`select set_config('request.jwt.claims', ${JSON.stringify({ ...claims, role, ...rest })}, true)`;
        const [row] = await session`select mayfly.tenant_ids() as ids`;
        return row?.ids as string[];
      });
      expect(tenants).toEqual([]);
    }
  });

  it("when a person's issuer signs as an agent, or an agent's as a person", async () => {
    expect(await belongs({ ...agent, iss: person.iss })).toBe(false);
    expect(await belongs({ ...person, iss: "mayfly" })).toBe(false);
  });

  it("with a subject that is not a uuid", async () => {
    expect(await belongs({ ...person, sub: "owner" })).toBe(false);
    expect(await belongs({ ...agent, sub: "' or true --" })).toBe(false);
  });
});

describe("a token still passes", () => {
  it("for 30 seconds after its end, as with the Data API", async () => {
    expect(await belongs({ ...person, exp: inSeconds(-20) })).toBe(true);
    expect(await belongs({ ...person, nbf: inSeconds(-1) })).toBe(true);
  });
});

describe("the issuers of people", () => {
  it("are read from the project's settings", async () => {
    await db.sql`update mayfly_private.settings set person_issuers = '{https://one.example/auth/v1}'`;
    expect(await belongs(person)).toBe(false);
    expect(await belongs({ ...person, iss: "https://one.example/auth/v1" })).toBe(true);
    await db.sql`update mayfly_private.settings set person_issuers = default`;
  });
});

it("a token is checked by reading only its agent and the ancestors, also without statistics", async () => {
  const parent = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn"] });
  const child = await makeAgent(db.sql, tenant, { as: parent.claims });
  await db.sql`alter table mayfly.agents set (autovacuum_enabled = off)`;
  await db.sql.begin(async (session) => {
    const check = async () => {
      const [row] = await session`
        select (mayfly_private.living_agent_of_token(${session.json(child.claims as never)}, null::text)).id`;
      expect(row?.id).toBe(child.id);
    };
    const read = async () => {
      const [row] = await session`
        select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
        from pg_stat_xact_user_tables where schemaname = 'mayfly' and relname = 'agents'`;
      return row?.rows as number;
    };
    const readByCheck = async () => {
      const before = await read();
      await check();
      return (await read()) - before;
    };
    // The session keeps the plan that it made while the table was small.
    for (let n = 0; n < 10; n++) await check();
    await session`
      insert into mayfly.agents (tenant_id, name, type, lifetime, expires_at, status)
      select ${tenant}, 'old ' || n, 'agent', '5 minutes', now(), 'expired' from generate_series(1, 2000) n`;
    expect(await readByCheck()).toBe(2);
    await session`discard plans`;
    expect(await readByCheck()).toBe(2);
    await session`analyze mayfly.agents`;
    expect(await readByCheck()).toBe(2);
  });
});
