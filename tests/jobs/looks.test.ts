/** When a worker looks for jobs, and when it stops looking. */
import { setImmediate, setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inTenant, type Sql, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { sqlDoor, Worker } from "#harness/jobs-door";
import { add, makeWorkTenant } from "./working.ts";

let db: TestDatabase;
let tenant: string;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeWorkTenant(db.sql);
});
afterAll(() => db?.close());

const put = (name: string) => add(db.sql, serviceRole, [{ name }], {}, inTenant(tenant));
const doorOf = (sql: Sql) => sqlDoor(sql, serviceRole, inTenant(tenant));
const unending = { drainOnTermination: false, pollMs: 600_000 };

it("a worker looks for jobs again if one of its jobs has added another during the last look", async () => {
  const door = doorOf(db.sql);
  const looked = Promise.withResolvers<void>();
  const hasEnded = Promise.withResolvers<void>();
  let looks = 0;
  const slow: typeof door = {
    ...door,
    async call(name, values, form) {
      const answer = await door.call(name, values, form);
      // The second look finds nothing, and its answer arrives after the first job has ended.
      if (name === "turn_jobs" && ++looks === 2) {
        looked.resolve();
        await hasEnded.promise;
      }
      return answer;
    },
  };
  const ran: string[] = [];
  await put("first");
  const { data: work } = Worker.start(
    slow,
    {
      first: async () => {
        await looked.promise;
        await put("second");
        ran.push("first");
        void setImmediate().then(() => setImmediate().then(hasEnded.resolve));
      },
      second: () => void ran.push("second"),
    },
    { ...unending, untilEmpty: true },
  );
  expect(await work?.ended).toBeNull();
  expect(ran).toEqual(["first", "second"]);
});

it("a worker that is stopped ends with its last job, even if it is woken meanwhile", async () => {
  const door = doorOf(db.sql);
  let wake = () => {};
  const listening: typeof door = {
    ...door,
    onWake: (listener) => {
      wake = listener;
      return async () => {};
    },
  };
  const runs = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  await put("long");
  const { data: work } = Worker.start(
    listening,
    {
      long: () => {
        runs.resolve();
        return mayEnd.promise;
      },
    },
    unending,
  );
  await runs.promise;
  const stopped = work?.stop({ timeoutMs: 600_000 });
  wake();
  await setImmediate();
  await setImmediate();
  mayEnd.resolve();
  await stopped;
  expect(work?.done).toBe(1);
});

it("a worker whose jobs become slower never asks for fewer than no jobs", async () => {
  const door = doorOf(db.sql);
  const wanted: number[] = [];
  const watched: typeof door = {
    ...door,
    call(name, values, form) {
      if (name === "turn_jobs") wanted.push((values as { wanted: number }).wanted);
      return door.call(name, values, form);
    },
  };
  const count = 500;
  await add(
    db.sql,
    serviceRole,
    Array.from({ length: count }, () => ({ name: "slower" })),
    {},
    inTenant(tenant),
  );
  let begun = 0;
  const failures: unknown[] = [];
  const { data: work } = Worker.start(
    watched,
    {
      // While jobs are short, the worker claims many in advance. These are too many once jobs take longer.
      slower: () => (++begun > 200 ? setTimeout(3) : undefined),
    },
    { ...unending, untilEmpty: true, concurrency: 1, onError: (error) => failures.push(error) },
  );
  expect(await work?.ended).toBeNull();
  expect(Math.min(...wanted)).toBeGreaterThan(0);
  expect(failures).toEqual([]);
  expect(begun).toBe(count);
});
