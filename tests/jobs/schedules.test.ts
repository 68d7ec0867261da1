import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, makePerson, makeTenant, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { claim, claimOne, complete, makeWorker, roomy } from "./working.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

interface Schedule {
  name: string;
  next_at: string | null;
  skipped: number;
  error: string | null;
}

/** Every day, half a day from now, so that no test runs at that time. */
const far = `0 ${(new Date().getUTCHours() + 12) % 24} * * *`;

async function setUp() {
  const tenant = await makeTenant(db.sql, { ...roomy, max_lifetime: "30 days" });
  const owner = await makePerson(db.sql, { [tenant]: "owner" });
  const { claims } = await makeWorker(db.sql, tenant, { lifetime: 30 * 86_400 });
  const set = (values: Record<string, unknown> = {}) =>
    rpc<Schedule>(db.sql, owner, "set_schedule", {
      name: "nightly",
      cron: far,
      job: "a",
      ...values,
    });
  const jobs = async () => {
    // A claim looks for due schedules once a second.
    await db.advance("1 second");
    return (await claim(db.sql, claims, 100)).jobs;
  };
  const read = async () => (await rpc<Schedule[]>(db.sql, claims, "list_schedules"))[0];
  return { tenant, owner, claims, set, jobs, read };
}

const next = async (line: string, zone: string, after: string) => {
  const [row] = await db.sql`select mayfly_private.next_cron(${line}, ${zone}, ${after}) as at`;
  return (row?.at as Date | null)?.toISOString() ?? null;
};

describe("a cron line", () => {
  const cases: [string, string, string, string][] = [
    ["0 3 * * *", "UTC", "2026-11-28T02:59:59Z", "2026-11-28T03:00:00.000Z"],
    ["0 3 * * *", "UTC", "2026-11-28T03:00:00Z", "2026-11-29T03:00:00.000Z"],
    ["0 3 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T01:00:00.000Z"],
    ["0 3 * * *", "Europe/Berlin", "2026-12-01T00:00:00Z", "2026-12-01T02:00:00.000Z"],
    [
      "*/15 9-17 * * mon-fri",
      "America/New_York",
      "2026-11-27T22:50:00Z",
      "2026-11-30T14:00:00.000Z",
    ],
    ["5/20 * * * *", "UTC", "2026-01-01T00:26:00Z", "2026-01-01T00:45:00.000Z"],
    ["30 12 1,15 * *", "Asia/Kolkata", "2026-02-01T07:00:00Z", "2026-02-15T07:00:00.000Z"],
    ["0 0 29 feb *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00.000Z"],
    // If the day of the month and the day of the week are set, either one is enough.
    ["0 0 13 * 5", "UTC", "2026-11-28T00:00:00Z", "2026-12-04T00:00:00.000Z"],
    ["0 0 * * 7", "UTC", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00.000Z"],
    ["@weekly", "UTC", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00.000Z"],
    ["@yearly", "Pacific/Auckland", "2026-11-28T00:00:00Z", "2026-12-31T11:00:00.000Z"],
    // When summer time starts, there is no 2:30. The job is added at 3:30 instead.
    ["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00.000Z"],
    ["30 2 * * *", "Europe/Berlin", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00.000Z"],
    // When summer time ends, there are two times 2:30. The job is added at the first.
    ["30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00.000Z"],
    ["30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00.000Z"],
    // An hourly job is added in both of these hours.
    ["30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00.000Z"],
  ];
  it.each(cases)(
    "'%s' in %s: the next time after %s is %s",
    async (line, zone, after, expected) => {
      expect(await next(line, zone, after)).toBe(expected);
    },
  );

  it("agrees with Date for every quarter of an hour of a year in UTC", async () => {
    // The expected times are computed in another way: all times of the year whose fields match, in order.
    const line = { minutes: [7, 22, 52], hours: [0, 6, 23], weekdays: [1, 4] };
    let at = "2026-01-01T00:00:00.000Z";
    const found: string[] = [];
    for (let n = 0; n < 60; n++) {
      at = (await next("7,22,52 0,6,23 * * 1,4", "UTC", at)) ?? "";
      found.push(at);
    }
    const expected: string[] = [];
    for (let t = Date.parse("2026-01-01T00:01:00Z"); expected.length < 60; t += 60_000) {
      const date = new Date(t);
      if (
        line.minutes.includes(date.getUTCMinutes()) &&
        line.hours.includes(date.getUTCHours()) &&
        line.weekdays.includes(date.getUTCDay())
      )
        expected.push(date.toISOString());
    }
    expect(found).toEqual(expected);
  });

  const wrong = [
    "",
    "* * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 8",
    "5-1 * * * *",
    "*/0 * * * *",
    "a * * * *",
    "* * * foo *",
    "1,,2 * * * *",
  ];
  it.each(wrong)("that is invalid is refused with the name of the field: '%s'", async (cron) => {
    const { set } = await setUp();
    expect(await refusalOf(set({ cron }))).toMatchObject({
      code: "invalid_request",
      details: { field: "cron" },
    });
  });

  it("that never fires is refused, and says so", async () => {
    const { set } = await setUp();
    for (const cron of ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
      expect(await refusalOf(set({ cron }))).toMatchObject({
        code: "invalid_request",
        message: "cron describes a time that never comes.",
        details: { field: "cron" },
      });
  });
});

describe("a schedule", () => {
  it("is refused without job:admin, and with an invalid field, which the error names", async () => {
    const { set, claims } = await setUp();
    for (const [field, values] of Object.entries({
      name: { name: "" },
      time_zone: { time_zone: "Europe/Atlantis" },
      catch_up: { catch_up: "some" },
      overlap: { overlap: "maybe" },
      "options.key": { options: { key: "x" } },
      input: { input: "x".repeat(262_145) },
      queue: { options: { queue: "a/b" } },
    }))
      expect(await refusalOf(set(values)), field).toMatchObject({
        code: "invalid_request",
        details: { field },
      });
    expect(
      await codeOf(rpc(db.sql, claims, "set_schedule", { name: "n", cron: "@daily", job: "a" })),
    ).toBe("scope_missing");
  });

  it("adds its job when it is due, once, and is due again", async () => {
    const { set, jobs, read } = await setUp();
    const { next_at } = await set({
      input: { n: 1 },
      options: { priority: 3 },
      time_zone: "Europe/Berlin",
    });
    expect(await jobs()).toEqual([]);
    await db.advance("1 day");
    const [job, more] = await jobs();
    expect(job).toMatchObject({ name: "a", input: { n: 1 }, priority: 3 });
    expect(more).toBeUndefined();
    expect(await jobs()).toEqual([]);
    const day = 86_400_000;
    expect(Date.parse((await read())?.next_at ?? "")).toBe(Date.parse(next_at ?? "") + day);
  });

  it.each([
    ["one", 1],
    ["all", 3],
    ["none", 0],
  ])("catches up with missed times: %s", async (catch_up, expected) => {
    const { set, jobs, read } = await setUp();
    await set({ catch_up, overlap: "allow" });
    await db.advance("3 days");
    expect(await jobs()).toHaveLength(expected);
    expect((await read())?.skipped).toBe(3 - expected);
    const [clock] = await db.sql`select mayfly_private.now() as now`;
    expect(Date.parse((await read())?.next_at ?? "")).toBeGreaterThan(Number(clock?.now));
  });

  it("skips while its last job has not ended, unless it may overlap", async () => {
    const { claims, set, jobs, read } = await setUp();
    await set();
    await db.advance("1 day");
    const [job] = await jobs();
    await db.advance("1 day");
    // The lease of the job has ended, so the job is claimed again.
    const [again, more] = await jobs();
    expect(again?.id).toBe(job?.id);
    expect(more).toBeUndefined();
    expect((await read())?.skipped).toBe(1);
    await complete(db.sql, claims, [{ lease: again?.lease ?? "" }]);
    await db.advance("1 day");
    expect(await jobs()).toHaveLength(1);
  });

  it("does nothing while paused, and is gone after deletion", async () => {
    const { owner, set, jobs, read } = await setUp();
    expect((await set({ paused: true })).next_at).toBeNull();
    await db.advance("9 days");
    expect(await jobs()).toEqual([]);
    expect(await rpc(db.sql, owner, "delete_schedule", { name: "nightly" })).toEqual({
      deleted: true,
    });
    expect(await rpc(db.sql, owner, "delete_schedule", { name: "nightly" })).toEqual({
      deleted: false,
    });
    expect(await read()).toBeUndefined();
  });

  it("of a full tenant records its error, continues, and does not block others", async () => {
    const [full, fine] = [await setUp(), await setUp()];
    for (const { set } of [full, fine]) await set();
    await db.advance("1 day");
    await db.sql`update mayfly.tenants set max_bytes = 0 where id = ${full.tenant}`;
    expect(await fine.jobs()).toHaveLength(1);
    expect((await full.read())?.error).toMatch(/bytes/);
    await db.sql`update mayfly.tenants set max_bytes = 1e9 where id = ${full.tenant}`;
    await db.advance("2 days");
    expect(await full.jobs()).toHaveLength(1);
    expect((await full.read())?.error).toBeNull();
  });

  it("never names another tenant's agent as its author", async () => {
    const [one, two] = [await setUp(), await setUp()];
    await one.set();
    await db.advance("1 day");
    await two.jobs();
    const job = await claimOne(db.sql, one.claims);
    const events = await db.sql`select agent_id from mayfly.events where subject = ${job.id}`;
    expect(events.map((event) => event.agent_id)).toEqual([null]);
  });
});
