/**
 * A real pg_cron wakes a function in Deno, on Postgres 17. Only pg_net is replaced: its requests are rows
 * that the test sends or loses. As in tests/operations/schedules.test.ts, the cluster's only pg_cron is in
 * another database. Our function creates the job of pg_cron there, and the test then points this job at the
 * database of the test.
 */
import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { Mayfly } from "@mayfly/sdk";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { dataOf } from "#harness/agents";
import type { Sql } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { startTestLocal, type TestLocal } from "#harness/local";
import { databaseUrl } from "#harness/needs";
import { configFor, makeProject, type Project } from "../local/functions/project.ts";
import { type NetRequest, send, standInForNet, takeRequests } from "./pg-net.ts";

const root = join(import.meta.dirname, "../..");
const functions = join(root, "sql/jobs/functions");

/** The database of the cluster in which pg_cron runs. Undefined if it is not loaded. */
async function openCronDatabase(): Promise<Sql | undefined> {
  const sql = postgres(databaseUrl as string, { max: 1, onnotice: () => {} });
  const [row] = await sql`select current_setting('cron.database_name', true) as name`;
  await sql.end();
  if (!row?.name) return undefined;
  const url = new URL(databaseUrl as string);
  url.pathname = `/${row.name}`;
  const cron = postgres(url.href, { max: 1, onnotice: () => {} });
  await cron`create extension if not exists pg_cron`;
  return cron;
}

const probe = databaseUrl ? await openCronDatabase() : undefined;

const counting = `
import { serveJobs } from "@mayfly/sdk";
export default { fetch: serveJobs({ count: ({ n }, job) => job.step("add", () => n + 1) }) };`;

describe.skipIf(!probe)("a function of jobs that a real pg_cron wakes", () => {
  const cron = probe as Sql;
  const name = `count-${crypto.randomUUID().slice(0, 8)}`;
  const schema = `mayfly_private`;
  let db: TestDatabase;
  let project: Project;
  let local: TestLocal;
  let mayfly: Mayfly;

  beforeAll(async () => {
    db = await openPostgresDatabase();
    project = makeProject({ [name]: counting });
    const config = await readFile(join(root, "supabase/config.toml"), "utf8");
    const api = config.match(/\[api\][\s\S]*?(?=\n\[)/)?.[0];
    project.write("supabase/config.toml", `${configFor([name])}\n${api}\n`);
    project.write("functions/deno.json", `{"imports":{"@mayfly/sdk":"npm:@mayfly/sdk@0.2.0"}}`);
    await symlink(join(root, "supabase/migrations"), join(project.root, "supabase/migrations"));
    const secret = "the function's own";
    local = await startTestLocal({
      root: project.root,
      dbUrl: db.url,
      secrets: { MAYFLY_JOBS_SECRET: secret },
    });
    ({ mayfly } = await local.enter());
    await standInForNet(db.sql, { mayfly_url: local.apiUrl, mayfly_jobs_secret: secret });

    // Creates what the function needs in the database of pg_cron. The lock lets only one run at a time do this.
    await cron`select pg_advisory_lock(hashtextextended('mayfly-schedules', 0))`;
    await cron.unsafe(`drop schema if exists ${schema} cascade; drop schema if exists net cascade;
      drop schema if exists vault cascade; create schema ${schema}`);
    await standInForNet(cron, { mayfly_url: "http://project", mayfly_jobs_secret: secret });
    for (const file of [
      "../tables/job_functions.sql",
      "../tables/job_calls.sql",
      "cron_field.sql",
      "is_cron.sql",
      "schedule_job_function.sql",
      "unschedule_job_function.sql",
    ])
      await cron.unsafe(
        (await readFile(join(functions, file), "utf8")).replace(/^grant .*;$/gm, ""),
      );
  });
  afterAll(async () => {
    await cron`select mayfly_private.unschedule_job_function(${name})`.catch(() => {});
    await cron.unsafe("drop schema mayfly_private, net, vault cascade").catch(() => {});
    await cron.end();
    await mayfly?.close();
    await local?.close();
    project?.remove();
    await db?.close();
  });

  const requested = async (): Promise<NetRequest> => {
    const found = await vi.waitFor(
      async () => {
        const requests = await takeRequests(db.sql);
        expect(requests).not.toEqual([]);
        return requests;
      },
      { timeout: 40_000, interval: 100 },
    );
    expect(found).toHaveLength(1);
    return found[0] as NetRequest;
  };

  it("is set up once, does its jobs when called, and recovers from a lost call with the next one", async () => {
    const [said] =
      await cron`select mayfly_private.schedule_job_function(${name}, '30 seconds') as how`;
    expect(said?.how).toBe(
      `${name} is called by pg_cron (30 seconds) while there are jobs for it.`,
    );
    await cron`select mayfly_private.schedule_job_function(${name}, '1 seconds')`;
    const jobs =
      await cron`select schedule, command from cron.job where jobname = ${`mayfly-jobs-${name}`}`;
    expect([...jobs]).toEqual([
      { schedule: "1 seconds", command: `select mayfly_private.request_jobs('${name}')` },
    ]);
    await db.sql`insert into mayfly_private.job_functions (name, at_once) values (${name}, 1)`;
    await cron`select cron.alter_job(jobid, database => ${new URL(db.url).pathname.slice(1)})
      from cron.job where jobname = ${`mayfly-jobs-${name}`}`;

    const one = dataOf(await mayfly.jobs.add("count", { n: 1 }));
    // The first one is lost.
    const lost = await requested();
    expect(dataOf(await mayfly.jobs.get(one.id)).status).toBe("ready");
    await db.advance("16 seconds");
    const answer = await send(await requested());
    expect(await answer.json()).toEqual({
      data: { done: 1, returned: 0, more: false },
      error: null,
    });
    expect(dataOf(await mayfly.jobs.get(one.id))).toMatchObject({
      status: "succeeded",
      result: 2,
      attempt: 1,
    });
    // The lost request arrives late, after another request was sent in its place.
    const late = await send(lost);
    expect(await late.json()).toMatchObject({ data: { done: 0, more: true } });
    const [row] = await db.sql`select names from mayfly_private.job_functions where name = ${name}`;
    expect(row?.names).toEqual(["count"]);

    await cron`select mayfly_private.unschedule_job_function(${name})`;
    const left = await cron`select from cron.job where jobname = ${`mayfly-jobs-${name}`}`;
    expect(left).toHaveLength(0);
  });
});
