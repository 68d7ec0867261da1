/**
 * What row estimates, plans, ranges, error texts and keys reveal about another tenant, over the Data API with the
 * pre-request function switched on. The statistics themselves: tests/invariants/estimates.test.ts.
 */
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { deleteOf, putOf, updateOf } from "#harness/operations";

interface Spawned {
  token: string;
  id: string;
  memory: string;
}

const refusal = { status: 400, text: expect.stringContaining('"code":"estimates_refused"') };

let local: TestLocal;
let victim: Spawned;
let own: Spawned;
let tables: string[];

beforeAll(async () => {
  local = await startTestLocal({ embedded: true });
  own = await spawn((await local.enter()).tenant);
  victim = await spawn((await local.enter()).tenant);
  const rows = await local.sql`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'mayfly' and c.relkind in ('r', 'p', 'v') order by 1`;
  tables = rows.map(({ name }) => name as string);
  await local.sql.unsafe(`
    create table public.notes (id int primary key);
    grant select on public.notes to authenticated;
    alter role authenticator set pgrst.db_pre_request = 'mayfly_gate.check_request';
    notify pgrst, 'reload config'`);
  await vi.waitFor(async () => {
    const answer = await ask("/memories", { prefer: "count=planned" });
    expect(answer).toMatchObject(refusal);
  }, 20_000);
});
afterAll(() => local.close());

async function spawn(tenant: string): Promise<Spawned> {
  const response = await fetch(`${local.apiUrl}/functions/v1/spawn`, {
    method: "POST",
    headers: { apikey: local.secretKey, "x-mayfly-tenant": tenant },
    body: JSON.stringify({ name: "one" }),
  });
  const { data } = (await response.json()) as { data: { token: string; agent: { id: string } } };
  const memory = randomUUID();
  const push = [putOf({ id: memory, task: "the secret plan", tags: ["secret"] })];
  const one = { token: data.token, id: data.agent.id, memory };
  expect((await call("sync", { push, page_limit: 0 }, one.token)).status).toBe(200);
  return one;
}

interface Answer {
  status: number;
  text: string;
  range: string | undefined;
}

/** Sends header fields unchanged, because `fetch` would join two fields with the same name. */
function ask(
  path: string,
  headers: Record<string, string | string[]> = {},
  {
    method = "GET",
    body,
    token = own.token,
  }: { method?: string; body?: unknown; token?: string } = {},
): Promise<Answer> {
  const all = {
    apikey: local.publishableKey,
    authorization: `Bearer ${token}`,
    "accept-profile": "mayfly",
    "content-profile": "mayfly",
    "content-type": "application/json",
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${local.apiUrl}/rest/v1${path}`, { method, headers: all }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          text,
          range: response.headers["content-range"],
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
const call = (name: string, body: unknown, token?: string) =>
  ask(`/rpc/${name}`, {}, { method: "POST", body, ...(token && { token }) });

describe("the Data API with mayfly_gate.check_request", () => {
  it("gives no estimate of any table, however it is requested", async () => {
    for (const table of tables)
      expect(await ask(`/${table}`, { prefer: "count=planned" }), table).toMatchObject(refusal);
    const forms: Record<string, string | string[]>[] = [
      { prefer: "count=estimated" },
      { prefer: "return=representation, count=planned" },
      { prefer: "count=planned,timezone=UTC" },
      { prefer: "handling=strict,  count=estimated  " },
      { prefer: "COUNT=Planned" },
      { prefer: 'count="planned"' },
      { prefer: ["count=planned", "timezone=UTC"] },
      { prefer: ["timezone=UTC", "count=planned"] },
      { prefer: "count=planned", range: "0-0" },
      { prefer: "count=planned", accept: "text/csv" },
    ];
    for (const form of forms)
      expect(await ask("/memories?select=id", form), JSON.stringify(form)).toMatchObject(refusal);
  });

  it("gives no plan, whether or not the project allows plans", async () => {
    const accepts = [
      "application/vnd.pgrst.plan",
      "application/vnd.pgrst.plan+json",
      'application/vnd.pgrst.plan+text; for="application/json"; options=analyze|verbose',
      "application/json, application/vnd.pgrst.plan+text",
    ];
    for (const accept of accepts) {
      // By default, clients may not ask for plans, so none is returned.
      expect((await ask("/memories?select=id", { accept })).text).not.toMatch(/Plan|cost=/);
      // If plans are allowed, the Data API first calls the pre-request function.
      const checked = (schema: string) =>
        local.sql.begin(async (session) => {
          await session`select set_config('search_path', ${`"${schema}", "public"`}, true),
            set_config('request.headers', ${JSON.stringify({ accept })}, true)`;
          await session`set local role anon`;
          await session`select mayfly_gate.check_request()`;
        });
      await expect(checked("mayfly"), accept).rejects.toThrow(/estimates_refused/);
      await checked("public");
    }
  });

  it("gives no estimate to any caller, with any method or function", async () => {
    const planned = { prefer: "count=planned" };
    expect((await ask("/memories", planned, { method: "HEAD" })).status).toBe(400);
    for (const [method, body] of [
      ["POST", { id: randomUUID() }],
      ["PATCH", { task: "x" }],
      ["DELETE", undefined],
    ] as const)
      expect(
        await ask(`/memories?id=eq.${own.memory}`, planned, { method, body }),
        method,
      ).toMatchObject(refusal);
    const recall = { method: "POST", body: { query: "plan" } };
    expect(await ask("/rpc/recall", planned, recall)).toMatchObject(refusal);
    expect(await ask("/rpc/recall?query=plan", planned)).toMatchObject(refusal);
    const secret = { apikey: local.secretKey, authorization: "" };
    expect(await ask("/memories", { ...planned, ...secret })).toMatchObject(refusal);
  });

  it("counts exactly what the caller may see, and leaves other schemas alone", async () => {
    const exact = await ask("/memories?select=id", { prefer: "count=exact" });
    expect([exact.status, exact.range]).toEqual([200, "0-0/1"]);
    const notes = await ask("/notes", { prefer: "count=planned", "accept-profile": "public" });
    expect([200, 206]).toContain(notes.status);
    expect((await ask("/memories?select=id")).status).toBe(200);
  });
});

/** The answer, without the values that were in the request. */
const without = ({ status, text, range }: Answer, id: string) => ({
  status,
  range,
  text: text.replaceAll(id, "<id>"),
});

describe("what another tenant has", () => {
  it("looks like missing rows: rows, counts, ranges, single objects", async () => {
    const ways: Record<string, string | string[]>[] = [
      {},
      { prefer: "count=exact" },
      { prefer: "count=exact", range: "0-0" },
      { prefer: "count=exact", range: "5-9" },
      { accept: "application/vnd.pgrst.object+json" },
    ];
    for (const [column, id] of [
      ["id", victim.memory],
      ["agent_id", victim.id],
    ] as const)
      for (const way of ways) {
        const nobodys = randomUUID();
        expect(without(await ask(`/memories?select=id&${column}=eq.${id}`, way), id)).toEqual(
          without(await ask(`/memories?select=id&${column}=eq.${nobodys}`, way), nobodys),
        );
      }
    for (const filter of ["task=eq.", "task=like.", "tags=cs.{", "words=fts."]) {
      const end = filter.endsWith("{") ? "}" : "";
      const [there, nowhere] = await Promise.all(
        ["secret", "nobodys"].map((word) =>
          ask(`/memories?select=id&id=neq.${own.memory}&${filter}${word}${end}`, {
            prefer: "count=exact",
          }),
        ),
      );
      expect(there, filter).toEqual(nowhere);
    }
  });

  it("appears in no error of a unique key, a foreign key or a named row", async () => {
    const named: [string, (id: string) => Record<string, unknown>, string][] = [
      [
        "sync",
        (id) => ({ push: [{ ...putOf({ task: "mine" }), agent_id: id }], page_limit: 0 }),
        victim.id,
      ],
      [
        "sync",
        (id) => ({ push: [deleteOf(id), updateOf(id, { task: "x" })], page_limit: 0 }),
        victim.memory,
      ],
      ["recall", (id) => ({ similar_to: id }), victim.memory],
      ["get_agent", (id) => ({ id }), victim.id],
      ["stop_agent", (id) => ({ agent: id }), victim.id],
      [
        "send_messages",
        (id) => ({
          messages: [{ id: randomUUID(), to: { agent: id }, type: "info", payload: {} }],
        }),
        victim.id,
      ],
      // An id that another tenant has used is free here.
      ["sync", (id) => ({ push: [putOf({ id, task: "mine" })], page_limit: 0 }), victim.memory],
    ];
    for (const [name, body, id] of named) {
      const nobodys = randomUUID();
      const theirs = without(await call(name, body(id)), id);
      const nothing = without(await call(name, body(nobodys)), nobodys);
      const blur = (answer: { text: string }) => ({
        ...answer,
        text: answer.text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<some id>"),
      });
      expect(blur(theirs), name).toEqual(blur(nothing));
      expect(theirs.text, name).not.toMatch(/Key \(|already exists|_pkey|_fkey|_key\b/);
    }
  });

  it("cannot collide: every unique key begins with the tenant, or is a secret's hash", async () => {
    const rows = await local.sql`
      select i.indexrelid::regclass::text as name from pg_index i
      join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
      where n.nspname in ('mayfly', 'mayfly_private') and (i.indisunique or i.indisexclusion)
        and a.attname <> 'tenant_id'`;
    const names = rows.map(({ name }) => (name as string).replace(/^mayfly(_private)?\./, ""));
    expect(names.sort()).toEqual([
      "charges_pkey",
      "chores_pkey",
      "enrolment_secrets_pkey",
      "ensured_tenants_name_key",
      "epochs_cluster_key",
      "epochs_pkey",
      "event_kinds_pkey",
      "event_rows_pkey",
      // A path starts with the tenant.
      "files_due_pkey",
      "flusher_pkey",
      "imports_pkey",
      "invitation_secrets_pkey",
      "job_calls_pkey",
      "job_functions_pkey",
      "job_ticks_pkey",
      "model_names_pkey",
      "model_prices_pkey",
      "nudge_kinds_pkey",
      "operation_types_pkey",
      "renewal_secrets_pkey",
      "scopes_pkey",
      "settings_pkey",
      "tenants_pkey",
      "topics_pkey",
      "usage_counts_pkey",
    ]);
  });

  it("is revealed by no function: none runs EXPLAIN or reads the planner's statistics for a tenant", async () => {
    const rows = await local.sql`
      select p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname in ('mayfly', 'mayfly_private')
        and coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) ~* '\\m(explain\\s*(\\(|analyze|verbose|select|%)|pg_stats\\M|pg_statistic\\M|reltuples\\M)'`;
    // `installation` is only for the secret key, and returns names of columns, not values.
    expect(rows.map(({ name }) => name)).toEqual(["installation"]);
  });
});
