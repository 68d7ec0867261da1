// Tries to write without the functions, over the real HTTP Data API of the embedded stack, with supabase-js: as an
// agent, its sibling, a person, and the secret key.
import { randomUUID } from "node:crypto";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rpc, serviceRole } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";
import { putOf } from "#harness/operations";
import { digestOf } from "./evidence.ts";

type Attacker = SupabaseClient<never, never, never>;
/** The code with which the Data API answers a caller without the right. No row is written or returned. */
const refused = "42501";

let local: TestLocal;
let tenant: string;
let keeper: Attacker;
let keeperId: string;
let secret: string;
let shared: string;
let tombstone: string;
const attackers: Record<string, Attacker> = {};
let tables: {
  name: string;
  columns: { name: string; type: string }[];
  row: Record<string, unknown> | null;
}[];

const clientOf = (key: string, token?: string): Attacker =>
  createClient(local.apiUrl, key, {
    db: { schema: "mayfly" },
    auth: { persistSession: false, autoRefreshToken: false },
    global: { headers: { "x-mayfly-tenant": tenant } },
    ...(token !== undefined && { accessToken: () => Promise.resolve(token) }),
  }) as unknown as Attacker;
const sync = async (client: Attacker, ...push: unknown[]) => {
  const { data, error } = await client.rpc("sync", { push, page_limit: 0 } as never);
  if (error) throw new Error(JSON.stringify(error));
  return (data as { results: { status: string }[] }).results.map(({ status }) => status);
};

beforeAll(async () => {
  local = await startTestLocal();
  const { tenant: made, mayfly } = await local.enter();
  tenant = made;
  const spawn = async (name: string) => {
    const response = await fetch(`${local.apiUrl}/functions/v1/spawn`, {
      method: "POST",
      headers: { apikey: local.secretKey, "x-mayfly-tenant": tenant },
      body: JSON.stringify({
        name,
        lifetime: 900,
        scopes: ["memory:read", "memory:write", "message:read", "message:send", "agent:read"],
      }),
    });
    const { data } = (await response.json()) as { data: { token: string; agent: { id: string } } };
    return { client: clientOf(local.publishableKey, data.token), id: data.agent.id };
  };
  ({ client: keeper, id: keeperId } = await spawn("keeper"));
  attackers["the agent itself"] = keeper;
  attackers["a sibling"] = (await spawn("sibling")).client;

  const auth = createClient(local.apiUrl, local.publishableKey, {
    auth: { persistSession: false },
  });
  const email = `${randomUUID()}@example.com`;
  const { data: signedUp } = await auth.auth.signUp({ email, password: "correct horse battery" });
  const user = signedUp.user?.id ?? "";
  const added = await mayfly.people.members.add(user, "owner");
  if (added.error) throw added.error;
  attackers["an owner"] = clientOf(
    local.publishableKey,
    signedUp.session?.access_token ?? "no session",
  );
  attackers["the secret key"] = clientOf(local.secretKey);

  const vector = { embedding: Array(384).fill(0.1), model: "m" };
  const puts = [
    { ...putOf({ task: "the secret", visibility: "agent" }), ...vector },
    { ...putOf({ task: "shared", expires_at: "2030-01-01T00:00:00Z" }), ...vector },
    putOf({ task: "forgotten" }),
  ];
  await sync(keeper, ...puts);
  [secret, shared, tombstone] = puts.map(({ memory }) => memory.id) as [string, string, string];
  const manual = {
    id: randomUUID(),
    type: "memory.update",
    memory: { id: secret, set: { reward: 1 }, base: { reward: 0.5 }, resolve: "manual" },
  };
  expect(await sync(keeper, manual)).toEqual(["conflict"]);
  await sync(keeper, { id: randomUUID(), type: "memory.delete", memory: { id: tombstone } });

  const rows = await local.sql`
    select c.relname as name, jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, null)) order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'mayfly'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
      and a.attgenerated = '' and a.attidentity = ''
    group by 1 order by 1`;
  tables = await Promise.all(
    rows.map(async ({ name, columns }) => {
      const [found] = await local.sql.unsafe(
        `select to_jsonb(t) as row from mayfly.${name} t limit 1`,
      );
      return { name, columns, row: found?.row ?? null };
    }),
  );
});
afterAll(() => local.close());

/** A valid value for a column of this type, so that only the missing right can refuse it. */
const plausible = (type: string): unknown => {
  if (type.endsWith("[]")) return [];
  if (/int|numeric|real|double|xid8/.test(type)) return "7";
  if (type.endsWith("halfvec")) return JSON.stringify(Array(384).fill(0.2));
  if (type === "uuid") return randomUUID();
  if (type === "boolean") return true;
  if (type === "jsonb") return {};
  if (type.startsWith("timestamp")) return "2020-01-01T00:00:00Z";
  if (type === "interval") return "1 hour";
  return "x";
};

describe("writing over the Data API", () => {
  it("goes only through functions: no table takes an insert, update or delete", async () => {
    expect(tables.length).toBeGreaterThan(15);
    const before = await digestOf(local.sql, tenant);
    const through: string[] = [];
    let tried = 0;
    for (const [turn, [who, client]] of Object.entries(attackers).entries())
      for (const { name, columns, row } of tables) {
        const table = client.from(name as never);
        const first =
          columns.find((column) => /^(id|tenant_id|name|kind|model)$/.test(column.name))?.name ??
          "";
        // Generated columns are left out, so that only the missing right can refuse the row.
        const insertion = Object.fromEntries(
          columns.map((column) => [column.name, row?.[column.name] ?? plausible(column.type)]),
        );
        const fresh = { ...insertion, ...("id" in insertion && { id: randomUUID() }) } as never;
        const attempts: [
          string,
          PromiseLike<{ error: { code: string } | null; status: number }>,
        ][] = [
          ["insert", table.insert(fresh)],
          ["upsert", table.upsert(fresh)],
          ["delete", table.delete().not(first as never, "is", null)],
          // Three of the four callers have the same database role, so they share the columns. The secret key tries all.
          ...columns
            .filter((_, index) => turn === 3 || index % 3 === turn)
            .map((column): (typeof attempts)[number] => [
              `update ${column.name}`,
              table
                .update({ [column.name]: plausible(column.type) } as never)
                .not(first as never, "is", null),
            ]),
        ];
        const answers = await Promise.all(attempts.map(([, answer]) => answer));
        for (const [index, { error, status }] of answers.entries()) {
          const [what] = attempts[index] as (typeof attempts)[number];
          tried++;
          if (error?.code !== refused)
            through.push(`${who}: ${what} ${name}: ${status} ${error?.code}`);
        }
      }
    expect(through).toEqual([]);
    expect(tried).toBeGreaterThan(500);
    expect(await digestOf(local.sql, tenant)).toEqual(before);
  });

  it.each<[string, object]>([
    [
      "the highest version, and an expiry in the past",
      { version: 2147483647, expires_at: "2020-01-01T00:00:00Z" },
    ],
    ["a language of 1 MB", { language: "x".repeat(1_000_000) }],
    ["a clock of 1 MB", { hlc: { task: "9".repeat(1_000_000) } }],
    ["clocks in the far future", { hlc: { task: "9999999999999-ffff-z", reward: "garbage" } }],
    ["a deletion that keeps its content", { deleted_at: "2026-01-01T00:00:00Z" }],
    ["another author", { agent_id: null, pushed_by: null }],
    ["another visibility", { visibility: "tenant" }],
    ["new content after it was forgotten", { deleted_at: null, task: "said by somebody else" }],
  ])("refuses a PATCH that gives a memory %s", async (_what, change) => {
    const before = await digestOf(local.sql, tenant);
    for (const client of Object.values(attackers))
      for (const id of [secret, shared, tombstone]) {
        const { error, data } = await client
          .from("memories" as never)
          .update(change as never)
          .eq("id" as never, id as never)
          .select("id");
        expect([error?.code, data]).toEqual([refused, null]);
      }
    expect(await digestOf(local.sql, tenant)).toEqual(before);
    // What the attempts tried to break still works.
    await local.sql`select mayfly_private.maintain_all()`;
    const { maintenance } = await rpc<{ maintenance: { failing: unknown[] } }>(
      local.sql,
      serviceRole,
      "installation",
    );
    expect(maintenance.failing).toEqual([]);
  });

  it("tells a sibling nothing about a private memory's id: no row, no vector, no conflict, no different answer", async () => {
    const sibling = attackers["a sibling"] as Attacker;
    const answers = await Promise.all(
      [secret, randomUUID()].map(async (id) => {
        const insertMemory = await sibling
          .from("memories" as never)
          .insert({ tenant_id: tenant, id, task: "mine" } as never);
        const insertVector = await sibling.from("memory_vectors" as never).insert({
          tenant_id: tenant,
          model: "m2",
          memory_id: id,
          embedding: JSON.stringify(Array(384).fill(0.2)),
        } as never);
        const read = await Promise.all(
          (["memories", "memory_vectors", "memory_conflicts"] as const).map((table) =>
            sibling
              .from(table as never)
              .select("*", { count: "exact" })
              .eq((table === "memories" ? "id" : "memory_id") as never, id as never),
          ),
        );
        const update = {
          id: randomUUID(),
          type: "memory.update",
          memory: { id, set: { reward: 0 } },
        };
        const deletion = { id: randomUUID(), type: "memory.delete", memory: { id } };
        return {
          inserts: [insertMemory.error?.code, insertVector.error?.code],
          read: read.map(({ data, count }) => [data, count]),
          ops: [await sync(sibling, update), await sync(sibling, deletion)],
        };
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toEqual({
      inserts: [refused, refused],
      read: [
        [[], 0],
        [[], 0],
        [[], 0],
      ],
      ops: [["gone"], ["gone"]],
    });
    const [kept] = await local.sql`
      select (select count(*)::int from mayfly.memory_vectors where memory_id = ${secret}) as vectors,
        (select count(*)::int from mayfly.memory_conflicts where memory_id = ${secret}) as conflicts`;
    expect(kept).toEqual({ vectors: 1, conflicts: 1 });
  });

  it("cannot reach the private schema, which is not exposed", async () => {
    for (const client of Object.values(attackers)) {
      const { error } = await client
        .schema("mayfly_private" as never)
        .rpc("push" as never, { push: [] } as never);
      expect(error?.code).toMatch(/^PGRST106$|^42501$/);
      for (const name of [
        "push",
        "pull",
        "apply_deletes",
        "charge",
        "count_usage",
        "maintain_some",
      ]) {
        const answer = await client.rpc(name as never, {} as never);
        expect(answer.error?.code, name).toBe("PGRST202");
      }
    }
  });

  it("uses the tenant and author of the token, whatever a push says", async () => {
    const { tenant: other } = await local.enter();
    const put = {
      ...putOf({
        task: "mine",
        tenant_id: other,
        pushed_by: randomUUID(),
        version: 7,
      }),
      tenant_id: other,
    };
    await sync(keeper, put);
    const rows = await local.sql`
      select tenant_id, pushed_by, agent_id, version, hlc, deleted_at from mayfly.memories where id = ${put.memory.id}`;
    expect([...rows]).toEqual([
      {
        tenant_id: tenant,
        pushed_by: keeperId,
        agent_id: keeperId,
        version: 1,
        hlc: {},
        deleted_at: null,
      },
    ]);
  });
});
