import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, makeAgent, makeTenant, rpc, type SpawnedAgent } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";

interface State {
  version: number;
  value: number;
}

let db: TestDatabase;

// These tests need a Postgres with many sessions, because one session cannot race with itself.
describe.skipIf(!databaseUrl)("concurrent writers of states", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("lose no update when 16 of them compare and set a counter", async () => {
    const tenant = await makeTenant(db.sql);
    const scopes = ["state:read", "state:write"];
    const writers: SpawnedAgent[] = [];
    for (let n = 0; n < 16; n++) writers.push(await makeAgent(db.sql, tenant, { scopes }));
    const each = 10;
    let conflicts = 0;
    const count = async ({ claims }: SpawnedAgent) => {
      for (let done = 0; done < each; ) {
        const state = await rpc<State | null>(db.sql, claims, "get_state", { key: "n" });
        const set = rpc<State>(db.sql, claims, "set_state", {
          key: "n",
          value: (state?.value ?? 0) + 1,
          expected_version: state?.version ?? 0,
        });
        const code = await set.then(
          () => undefined,
          () => codeOf(set),
        );
        if (code === undefined) done++;
        else {
          expect(code).toBe("version_conflict");
          conflicts++;
        }
      }
    };
    await Promise.all(writers.map(count));
    const [first] = writers;
    const state = await rpc<State>(db.sql, first?.claims ?? {}, "get_state", { key: "n" });
    expect(state).toMatchObject({ value: 16 * each, version: 16 * each });
    // If there was no conflict, the calls did not race, and the test has shown nothing.
    expect(conflicts).toBeGreaterThan(0);
    const rows = await db.sql`
      select version from mayfly.events where tenant_id = ${tenant} and type = 'state.changed' order by xid, id`;
    expect(rows.map((row) => row.version)).toEqual(
      Array.from({ length: 16 * each }, (_, n) => n + 1),
    );
  });

  it("apply all of 80 simultaneous edits of a counter and a list, each in one call", async () => {
    const tenant = await makeTenant(db.sql);
    const { claims } = await makeAgent(db.sql, tenant, { scopes: ["state:read", "state:write"] });
    const edit = (n: number) =>
      rpc<State>(db.sql, claims, "edit_state", {
        key: "n",
        edits: [
          { op: "inc", path: "/n" },
          { op: "append", path: "/by", value: n },
        ] as never,
      });
    const versions = await Promise.all(Array.from({ length: 80 }, (_, n) => edit(n)));
    expect(versions.map(({ version }) => version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 80 }, (_, n) => n + 1),
    );
    const { value } = (await rpc(db.sql, claims, "get_state", { key: "n" })) as {
      value: { n: number; by: number[] };
    };
    expect(value.n).toBe(80);
    expect([...value.by].sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, n) => n));
  });

  it("all succeed when 80 of them compare and swap, with one call for each try", async () => {
    const tenant = await makeTenant(db.sql);
    const { claims } = await makeAgent(db.sql, tenant, { scopes: ["state:read", "state:write"] });
    let calls = 0;
    const count = async () => {
      let state: State | null = null;
      for (let written = false; !written; calls++) {
        const answer: { written: boolean; state: State | null } = await rpc(
          db.sql,
          claims,
          "swap_state",
          {
            key: "n",
            expected_version: state?.version ?? 0,
            value: ((state?.value ?? 0) + 1) as never,
          },
        );
        ({ written, state } = answer);
      }
    };
    await Promise.all(Array.from({ length: 80 }, count));
    expect(await rpc(db.sql, claims, "get_state", { key: "n" })).toMatchObject({
      value: 80,
      version: 80,
    });
    expect(calls).toBeGreaterThan(80);
  });

  it("create exactly one state when 16 of them expect that there is none", async () => {
    const tenant = await makeTenant(db.sql);
    const { claims } = await makeAgent(db.sql, tenant, { scopes: ["state:read", "state:write"] });
    const sets = Array.from({ length: 16 }, (_, n) =>
      rpc<State>(db.sql, claims, "set_state", { key: "first", value: n, expected_version: 0 }),
    );
    const codes = await Promise.all(
      sets.map((set) =>
        set.then(
          () => "ok",
          () => codeOf(set),
        ),
      ),
    );
    expect(codes.filter((code) => code === "ok")).toHaveLength(1);
    expect(codes.filter((code) => code === "version_conflict")).toHaveLength(15);
  });
});
