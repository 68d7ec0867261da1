/**
 * What holds for every field of a memory. The fields come from the contract and their values from
 * `memory-values`, so a new field is tested as soon as it has a case there.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { inTenant, makePerson, makeTenant, rpc, serviceRole } from "#harness/callers";
import { memoryColumns, memoryRow, operation } from "#harness/contract";
import { cases } from "#harness/memory-values";
import { deleteOf, putOf, updateOf } from "#harness/operations";
import { clock, openSyncing, type Syncing } from "#harness/syncing";
import { storedBy } from "#harness/usage";

const [put, update] = operation.options;
const updatable = Object.keys(update.shape.body.shape.set.shape).sort();
/** The fields of a memory that say when and by whom it was put. */
const around = ["agent_id", "created_at", "key", "once", "hlc", "embedding", "model"];
const fields = Object.keys(put.shape.body.shape)
  .filter((name) => !around.includes(name))
  .sort();

let at: Syncing;
let columns: Record<string, { type: string; fallback: unknown }>;
beforeAll(async () => {
  at = await openSyncing();
  const bare: Record<string, unknown> = {
    ...(await at.read(await at.remember())),
    task: "",
  };
  const described = await at.db.sql`
    select column_name as name, data_type as type from information_schema.columns
    where table_schema = 'mayfly' and table_name = 'memories'`;
  columns = Object.fromEntries(
    described.map(({ name, type }) => [name, { type, fallback: bare[name] }]),
  );
});
afterAll(() => at.db.close());

const isEnum = (schema: unknown): boolean =>
  schema instanceof z.ZodOptional ? isEnum(schema.unwrap()) : schema instanceof z.ZodEnum;
const shape: Record<string, unknown> = put.shape.body.shape;
/** The fields of the row that a caller can make longer or shorter: texts, arrays and JSON. */
const sized = () =>
  [...fields, "key"].filter(
    (name) => /text|json|ARRAY/.test(columns[name]?.type ?? "") && !isEnum(shape[name]),
  );

const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
/** A value of a field that differs from its default: the longest of its case. */
function longest(field: string): unknown {
  const fitting = cases[field]?.[0] ?? [];
  const set = fitting.filter(
    (value) => JSON.stringify(value) !== JSON.stringify(columns[field]?.fallback),
  );
  return set.sort((a, b) => sizeOf(b) - sizeOf(a))[0];
}
const all = () => ({
  ...Object.fromEntries(fields.map((name) => [name, longest(name)])),
  // A memory that has expired is not read, and another agent's private memory is not seen.
  expires_at: "2999-01-01T00:00:00Z",
});

const stored = () => storedBy(at.db.sql, at.agent.claims);
const recounted = async () => {
  await at.db.sql`select mayfly_private.recount_usage(${at.tenant})`;
  return stored();
};

it("a put and an update have the same fields, and each is a column of memories", () => {
  expect(fields).toEqual(updatable);
  expect(fields.filter((name) => !(name in columns))).toEqual([]);
});

it("the SDK reads every field, except what only statistics need", () => {
  const read = memoryColumns.split(", ");
  const row = memoryRow as unknown as z.ZodObject;
  expect(fields.filter((name) => !read.includes(name))).toEqual(["latency_ms", "tokens"]);
  expect([...read, "hlc"].sort()).toEqual(Object.keys(row.shape).sort());
});

describe("identical content", () => {
  it.each(fields)("with another %s is another memory", async (field) => {
    // The session is not content. A turn of a conversation is never a duplicate.
    const first = { task: `about ${field}`, once: true };
    const other = { ...first, [field]: longest(field) };
    const statuses = [];
    for (const memory of [first, other, other]) {
      const { results } = await at.sync([putOf(memory)]);
      statuses.push(results[0]?.status);
    }
    const expected = {
      session_id: ["duplicate", "duplicate"],
      conversation_id: ["applied", "applied"],
    }[field] ?? ["applied", "duplicate"];
    expect(statuses).toEqual(["applied", ...expected]);
  });
});

describe("a put with a key", () => {
  it("has a timestamp for every field, so that a later update merges field by field", async () => {
    // A node of 36 characters makes the longest timestamps.
    const [early, put, late] = [-30, -20, -10].map((second) => clock(second, "n".repeat(36)));
    const id = await at.remember({ key: randomUUID(), hlc: put });
    expect(Object.keys((await at.read(id)).hlc).sort()).toEqual(updatable);
    const outcomes = (outcome: string) =>
      Object.fromEntries(updatable.map((name) => [name, outcome]));
    expect((await at.update(id, all(), { hlc: early })).fields).toEqual(outcomes("kept"));
    expect((await at.update(id, all(), { hlc: late })).fields).toEqual(outcomes("applied"));
  });
});

describe("an update", () => {
  it("of every field is logged, pulled, exported and imported with every field", async () => {
    const id = await at.remember();
    const { cursor } = await at.sync([], "now");
    await at.update(id, all());
    const row = JSON.parse(
      JSON.stringify(
        (await at.db.sql`select to_jsonb(m) as row from mayfly.memories m where m.id = ${id}`)[0]
          ?.row,
      ),
    );
    const changed = fields.filter(
      (name) => JSON.stringify(row[name]) === JSON.stringify(columns[name]?.fallback),
    );
    expect(changed).toEqual([]);

    const only = (memory: Record<string, unknown> | undefined) =>
      Object.fromEntries(fields.map((name) => [name, memory?.[name]]));
    const page = await at.sync([], cursor);
    const event = page.events.find(
      ({ type, subject }) => type === "memory.updated" && subject === id,
    );
    expect(event?.fields?.toSorted()).toEqual(updatable);
    const pulled = (memories: { id: string }[]) => memories.find((memory) => memory.id === id);
    expect(only(pulled(page.memories) as never)).toEqual(only(row));
    let first = await at.sync([], null);
    while (!pulled(first.memories) && first.more) first = await at.sync([], first.cursor);
    expect(only(pulled(first.memories) as never)).toEqual(only(row));

    const owner = await makePerson(at.db.sql, { [at.tenant]: "owner" });
    const { lines } = await rpc<{ lines: { table: string; row: Record<string, unknown> }[] }>(
      at.db.sql,
      owner,
      "export_tenant",
      {},
    );
    const line = lines.find(({ table, row }) => table === "memories" && row.id === id);
    const copy = await makeTenant(at.db.sql);
    const put = { ...line, row: { ...line?.row, agent_id: null } };
    await rpc(at.db.sql, serviceRole, "import_tenant", { lines: [put] }, inTenant(copy));
    const [imported] = await at.db.sql`
      select to_jsonb(m) as row from mayfly.memories m where m.tenant_id = ${copy} and m.id = ${id}`;
    expect(only(imported?.row)).toEqual(only(row));
  });
});

describe("the size of a memory", () => {
  it("is charged for every text, array and JSON, the same at a put, an update and a delete", async () => {
    for (const field of sized()) {
      const value = longest(field);
      const before = await recounted();
      const bare = putOf({ key: field === "key" ? undefined : "k", hlc: clock(-20) });
      await at.sync([bare]);
      const without = await stored();
      await at.db.sql`delete from mayfly.memories where id = ${bare.memory.id}`;
      expect(await stored(), `${field}, deleted`).toEqual(before);

      const full = putOf({ key: "k", hlc: clock(-20), [field]: value });
      await at.sync([full]);
      const afterPut = await stored();
      expect(afterPut.bytes - without.bytes, field).toBeGreaterThan(sizeOf(value) / 2);
      expect(await recounted(), `${field}, recounted`).toEqual(afterPut);
      if (field !== "key") {
        await at.sync([
          updateOf(full.memory.id, { [field]: null, task: "a task" }, { hlc: clock(-15) }),
        ]);
        await at.sync([updateOf(full.memory.id, { [field]: value }, { hlc: clock(-10) })]);
        expect((await stored()).bytes, `${field}, updated`).toBe(afterPut.bytes);
      }
      await at.db.sql`delete from mayfly.memories where id = ${full.memory.id}`;
      expect(await stored(), `${field}, deleted`).toEqual(before);
    }
  });

  it("is never estimated too small for a page of a pull", async () => {
    const ids = await Promise.all([at.remember(all()), at.remember(all())]);
    const [{ bytes } = { bytes: 0 }] = await at.db.sql`
      select sum(octet_length((to_jsonb(m) - '{words,words_version,content_hash}'::text[])::text))::int as bytes
      from mayfly.memories m where m.id = any (${ids})`;
    const [{ names } = { names: [] }] = await at.db.sql`
      select proargnames as names from pg_proc where oid = 'mayfly_private.memory_bytes'::regproc`;
    const given = names.map((name: string) => `m.${name}`).join(", ");
    const [row] = await at.db.sql.unsafe(
      `select sum(mayfly_private.memory_bytes(${given}))::int as guess,
        mayfly_private.fitting_memories($1, $2, $3) as fitting
      from mayfly.memories m where m.id = any ($2)`,
      [at.tenant, ids, bytes - 1],
    );
    expect(row?.guess).toBeGreaterThanOrEqual(bytes);
    expect(row?.fitting).toBe(1);
  });
});

describe("a tombstone", () => {
  it.each(["forgotten", "expired"])("of a %s memory has no text, array or JSON", async (how) => {
    const id = await at.remember({ ...all(), key: how });
    if (how === "forgotten") await at.sync([deleteOf(id)]);
    else {
      await at.update(id, { expires_at: "2020-01-01T00:00:00Z" });
      await at.db.sql`select mayfly_private.maintain_memories(${at.tenant}, 10000)`;
    }
    const row = await at.read(id);
    expect(row.deleted_at).not.toBeNull();
    for (const name of sized()) expect(row[name], name).toEqual(columns[name]?.fallback);
  });
});
