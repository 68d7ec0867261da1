/**
 * What pg_cron does: when it calls a function that does jobs, and what happens after a call that was lost.
 * pg_net is replaced.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { standInForNet, takeRequests } from "./pg-net.ts";
import { add, claimOne, complete, makeWorker, makeWorkTenant } from "./working.ts";

let db: TestDatabase;
let claims: Claims;
beforeAll(async () => {
  db = await openTestDatabase();
  ({ claims } = await makeWorker(db.sql, await makeWorkTenant(db.sql), { lifetime: 80_000 }));
  await standInForNet(db.sql, { mayfly_url: "http://project", mayfly_secret_key: "sb_secret_one" });
  await db.sql`insert into mayfly_private.job_functions (name, at_once) values ('mine', 1)`;
});
afterAll(() => db?.close());

const request = async (name = "mine") => {
  const [row] = await db.sql`select mayfly_private.request_jobs(${name}) as sent`;
  return { sent: row?.sent as number, requests: await takeRequests(db.sql) };
};
const mark = (call: string, seconds: number, names?: string[]) =>
  rpc<{ known: boolean }>(db.sql, serviceRole, "mark_job_call", {
    call,
    seconds,
    ...(names && { names }),
  });
const workAll = async () => {
  const job = await claimOne(db.sql, claims);
  await complete(db.sql, claims, [{ lease: job.lease }]);
};

describe("a function that pg_cron wakes", () => {
  it("is called if there is a job for it, never twice at once, and again if jobs are left", async () => {
    expect((await request()).sent).toBe(0);
    await add(db.sql, claims, [{ name: "later", delay: 60 }, { name: "other" }]);
    const { sent, requests } = await request();
    expect(sent).toBe(1);
    expect(requests).toEqual([
      {
        url: "http://project/functions/v1/mine",
        body: { call: expect.any(String) },
        headers: { "content-type": "application/json", apikey: "sb_secret_one" },
      },
    ]);
    const call = requests[0]?.body.call ?? "";
    expect(await mark(call, 150, ["later"])).toEqual({ known: true });
    expect((await request()).sent).toBe(0);
    // It has handlers only for jobs that are not due yet, so there is nothing to call it for.
    expect(await mark(call, 0)).toEqual({ known: true });
    expect((await request()).sent).toBe(0);
    await db.advance("61 seconds");
    const [next] = (await request()).requests;
    await add(db.sql, claims, [{ name: "later" }]);
    // The next call is sent at the moment when this one ends.
    await mark(next?.body.call ?? "", 0);
    const again = await takeRequests(db.sql);
    expect(again).toHaveLength(1);
    await mark(again[0]?.body.call ?? "", 150);
    for (let n = 0; n < 3; n++) await workAll();
    await mark(again[0]?.body.call ?? "", 0);
    expect(await takeRequests(db.sql)).toEqual([]);
  });

  it("is called again after a lost or killed call, and a late call does nothing", async () => {
    await add(db.sql, claims, [{ name: "later" }]);
    const [lost] = (await request()).requests;
    expect((await request()).sent).toBe(0);
    await db.advance("16 seconds");
    const [second] = (await request()).requests;
    expect(second?.body.call).not.toBe(lost?.body.call);
    expect(await mark(lost?.body.call ?? "", 150)).toEqual({ known: false });
    expect(await mark(second?.body.call ?? "", 150)).toEqual({ known: true });
    // The call is killed, so nobody learns of it. Its slot is free when its time is over.
    await db.advance("149 seconds");
    expect((await request()).sent).toBe(0);
    await db.advance("2 seconds");
    expect((await request()).sent).toBe(1);
    await workAll();
  });

  it("is called for ended leases and due schedules, with its own secret if Vault has one", async () => {
    await db.advance("1 hour");
    await db.sql`insert into vault.decrypted_secrets values ('mayfly_jobs_secret', 'its own')`;
    await add(db.sql, claims, [{ name: "later" }]);
    await claimOne(db.sql, claims, { lease: 10 });
    expect((await request()).sent).toBe(0);
    await db.advance("11 seconds");
    expect((await request()).requests[0]?.headers).toEqual({
      "content-type": "application/json",
      "x-mayfly-jobs-secret": "its own",
    });
  });

  it("never has more concurrent calls than allowed", async () => {
    await db.sql`insert into mayfly_private.job_functions (name, at_once) values ('three', 3)`;
    await add(db.sql, claims, [{ name: "later" }]);
    let sent = 0;
    for (let n = 0; n < 6; n++) sent += (await request("three")).sent;
    expect(sent).toBe(3);
    expect((await request("unknown")).sent).toBe(0);
  });

  it("cannot report invalid values about itself", async () => {
    await expect(mark(crypto.randomUUID(), -1)).rejects.toThrow(/seconds must be 0 to 3600/);
  });
});

describe("setting up a function that pg_cron wakes", () => {
  const schedule = (...given: (string | number)[]) => {
    const [name = "", every = "10 seconds", atOnce = 1] = given;
    return db.sql`select mayfly_private.schedule_job_function(${name}, ${every}, ${atOnce})`;
  };

  it("says what is missing or wrong, and what to do", async () => {
    await expect(schedule("mine")).rejects.toMatchObject({
      message: "pg_cron is not enabled.",
      hint: expect.stringContaining("wakes"),
    });
    for (const [given, message] of [
      [["../mine"], /function_name must be/],
      [["mine", "sometimes"], /every must be/],
      [["mine", "0 seconds"], /every must be/],
      [["mine", "@hourly"], /every must be/],
      [["mine", "* * * * *", 0], /at_once must be/],
    ] as const)
      await expect(schedule(...given)).rejects.toThrow(message);
  });

  it("is only for the owner of the database", async () => {
    for (const role of ["authenticated", "service_role"])
      await expect(
        db.sql.begin(async (session) => {
          await session.unsafe(`set local role ${role}`);
          await session`select mayfly_private.schedule_job_function('mine')`;
        }),
      ).rejects.toThrow(/permission denied/);
  });
});
