/** Jobs and runs are found by their inputs and by the time when they were added. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { makeRunning } from "../runs/running.ts";
import { add, claimOne, fail, makeWorker, makeWorkTenant } from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const setUp = async () => makeWorker(db.sql, await makeWorkTenant(db.sql));
const minute = 60_000;

describe("a list of jobs", () => {
  it("finds a text in inputs, names, keys and errors, in any case, and only in its own tenant", async () => {
    const [{ claims }, other] = await Promise.all([setUp(), setUp()]);
    const jobs = [
      { name: "mail", input: { to: "Ada Lovelace", percent: "50%" } },
      { name: "print", key: "Lovelace-1" },
      { name: "paint", input: { colours: ["red"] } },
    ];
    await add(db.sql, other.claims, jobs);
    const added = await add(db.sql, claims, jobs);
    const held = await claimOne(db.sql, claims, { names: ["paint"] });
    const error = { code: "dry", message: "No Lovelace blue is left.", retryable: false };
    await fail(db.sql, claims, [{ lease: held.lease, error }]);
    const found = async (containing: string) =>
      (await rpc<{ id: string }[]>(db.sql, claims, "list_jobs", { containing })).map(
        ({ id }) => id,
      );
    const ids = added.map(({ id }) => id).sort();
    expect((await found("LOVELACE")).sort()).toEqual(ids);
    expect(await found("lovelace-")).toEqual([added[1]?.id]);
    expect(await found('"red"')).toEqual([added[2]?.id]);
    // It is a text, not a pattern.
    expect(await found("0%")).toEqual([added[0]?.id]);
    expect(await found("l_velace")).toEqual([]);
    expect(
      await refusalOf(rpc(db.sql, claims, "list_jobs", { containing: "a".repeat(201) })),
    ).toMatchObject({ code: "invalid_request", details: { field: "containing" } });
  });

  it("can be limited to jobs that were added from a time on, and before another", async () => {
    const { claims } = await setUp();
    await add(db.sql, claims, [{ name: "a" }]);
    const [job] = await rpc<{ id: string; created_at: string }[]>(db.sql, claims, "list_jobs", {});
    const at = job?.created_at ?? "";
    const count = async (since: number | null, until: number | null) => {
      const time = (by: number | null) => by && new Date(+new Date(at) + by).toISOString();
      const values = { since: time(since), until: time(until) };
      return (await rpc<unknown[]>(db.sql, claims, "list_jobs", values)).length;
    };
    expect(await count(-minute, minute)).toBe(1);
    expect(await count(-minute, null)).toBe(1);
    expect(await count(minute, null)).toBe(0);
    expect(await count(null, minute)).toBe(1);
    expect(await count(null, -minute)).toBe(0);
    const [ends] =
      await db.sql`select mayfly_private.job_id_at('-infinity') as first, mayfly_private.job_id_at('infinity') as last`;
    expect(ends?.first).toBe("00000000-0000-0000-0000-000000000000");
    expect(ends?.last > (job?.id ?? "")).toBe(true);
  });
});

describe("a list of runs", () => {
  it("finds a text in inputs and names of agents, and can be limited to a time", async () => {
    const { owner } = await makeRunning(db.sql);
    const { owner: other } = await makeRunning(db.sql);
    const start = (claims: typeof owner, agent: string, input: unknown) =>
      rpc<{ id: string }>(db.sql, claims, "start_run", { agent, input: JSON.stringify(input) });
    await start(other, "clerk", "Where is Paris?");
    const text = await start(owner, "clerk", "Where is Paris?");
    const json = await start(owner, "paris-guide", { city: "Rome", days: 3 });
    const found = async (values: Record<string, string>) =>
      (await rpc<{ id: string }[]>(db.sql, owner, "list_runs", values)).map(({ id }) => id);
    expect((await found({ containing: "PARIS" })).sort()).toEqual([text.id, json.id].sort());
    expect(await found({ containing: "rome" })).toEqual([json.id]);
    expect(await found({ since: "2020-01-01", containing: "is paris" })).toEqual([text.id]);
    expect(await found({ until: "2020-01-01" })).toEqual([]);
    expect(
      await refusalOf(rpc(db.sql, owner, "list_runs", { containing: "a".repeat(201) })),
    ).toMatchObject({ code: "invalid_request", details: { field: "containing" } });
  });
});
