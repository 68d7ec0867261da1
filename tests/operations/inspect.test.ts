import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { machineClaims, makeAgent, makeTenant, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { inspect as inspectAs } from "#harness/inspect";
import { fillTenant, type Victim } from "#harness/sweep";

let db: TestDatabase;
let mine: Victim;
let name: string;
beforeAll(async () => {
  db = await openTestDatabase();
  mine = await fillTenant(db.sql);
  const [row] = await db.sql`select name from mayfly.tenants where id = ${mine.tenant}`;
  name = row?.name as string;
});
afterAll(() => db.close());

const inspect = (name: string) => inspectAs(db.sql, name);

describe("the query agents.sql", () => {
  it("shows the tree of living agents, who spawned them, and their remaining time", async () => {
    await rpc(db.sql, machineClaims(mine.key), "spawn_agent", { name: "from-a-key" });
    await makeAgent(db.sql, mine.tenant, { name: "from-the-secret-key" });
    const dead = await makeAgent(db.sql, mine.tenant, { name: "dead" });
    await rpc(db.sql, dead.claims, "stop_agent");
    const rows = (await inspect("agents")).filter((row) => row.tenant === name);
    expect(rows.map((row) => [String(row.agent).replace(/[a-z]+$/, "…"), row.spawned_by])).toEqual([
      ["…", `person ${mine.owner.sub}@example.com`],
      ["   └ …", expect.stringMatching(/^agent /)],
      ["from-a-…", "key a rack"],
      ["from-the-secret-…", "the secret key"],
    ]);
    expect(rows[0]).toMatchObject({ type: "scout v1", status: "running" });
    expect(rows[0]?.time_left).toMatch(/^00:14:/);
  });
});

describe("the query access.sql", () => {
  it("shows who may do what, and which tenants have no owner", async () => {
    const ownerless = await makeTenant(db.sql, { name: "ownerless" });
    await rpc(db.sql, mine.owner, "grant_client", {
      client_id: "a client",
      scopes: ["state:read"],
    });
    const rows = await inspect("access");
    expect(rows.filter((row) => row.tenant === "ownerless")).toMatchObject([
      { kind: "warning", who: "nobody owns this tenant" },
    ]);
    const of = (kind: string) => rows.filter((row) => row.tenant === name && row.kind === kind);
    expect(of("person").map((row) => row.as_what)).toEqual(["owner", "viewer"]);
    const may = (of("person")[1]?.may as string).split(", ");
    expect(may).toEqual(expect.arrayContaining(["agent:read", "memory:read", "state:read"]));
    expect(may.filter((scope) => !scope.endsWith(":read"))).toEqual([]);
    expect(of("agent").length).toBeGreaterThan(1);
    expect(of("enrolment key")).toMatchObject([
      { who: "a rack", may: expect.stringMatching(/with at most: agent:read, .*memory:read/) },
    ]);
    expect(of("invitation")).toMatchObject([{ who: "somebody@example.com", may: "become viewer" }]);
    expect(of("OAuth client").find(({ who }) => who === "a client")).toMatchObject({
      as_what: `for ${mine.owner.sub}@example.com`,
      may: "state:read",
    });
    await db.sql`delete from mayfly.tenants where id = ${ownerless}`;
  });
});
