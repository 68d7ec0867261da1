/**
 * A bound is checked twice: in the contract for the SDK and the functions, and in SQL, which decides. Every
 * field of a pushed memory is tested in both, with a value at the bound and with one just beyond it.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { actAs, type Claims, makeAgent, makeTenant, refusalOf } from "#harness/callers";
import { faultOf, operation, syncRequest } from "#harness/contract";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { cases, nested, texts, uuids, type Values } from "#harness/memory-values";

let db: TestDatabase;
let claims: Claims;
let agentId: string;
beforeAll(async () => {
  db = await openTestDatabase();
  const agent = await makeAgent(db.sql, await makeTenant(db.sql));
  claims = agent.claims;
  agentId = String(claims.sub);
});
afterAll(() => db.close());

const vector = (value: number, length = 384) => Array(length).fill(value);
const vectors: Record<string, Values> = {
  embedding: [
    [vector(0.5), vector(1_000), vector(-1_000), [...vector(0, 383), 1e-6]],
    // The project sets the length of a vector, so only SQL refuses another length.
    [vector(1_000.5), vector(-1_000.5), vector(0), ["x"]],
  ],
  model: texts(1, 100),
};

const ids = ["id", "subject"] as const;
const put = (body: object, named: object = {}) => ({
  id: randomUUID(),
  type: "memory.put",
  subject: randomUUID(),
  body: { task: "a task", ...body },
  ...named,
});
const update = (set: object) => ({
  id: randomUUID(),
  type: "memory.update",
  subject: randomUUID(),
  body: { set },
});

/** The field that the contract refuses, or null. */
function refusedByContract(one: object): string | null {
  const body = { push: [one] };
  const { error } = syncRequest.safeParse(body);
  return error ? (faultOf(error, body)?.path.slice(2).join(".") ?? "") : null;
}
async function refusedBySql(one: object): Promise<string | null> {
  const text = JSON.stringify([one]);
  const pushing = actAs(
    db.sql,
    claims,
    (session) => session`select mayfly.sync(${text}::text::jsonb, null, 0) as answer`,
  );
  const failed = await pushing.then(
    () => false,
    () => true,
  );
  if (!failed) return null;
  const { code, details } = await refusalOf(pushing);
  if (code === "memory_unknown") return null;
  // If Postgres cannot read a value as JSON, no field is named.
  if (code === "22P02" || code === "22P05") return "unreadable";
  return (details as { field?: string } | null)?.field ?? code;
}

/** For each value about which the contract and SQL differ: both answers. */
async function differences(field: string, values: Values, make: (value: unknown) => object) {
  const found: unknown[] = [];
  const [fits, beyond] = values;
  for (const [value, expected] of [
    ...fits.map((one) => [one, true] as const),
    ...beyond.map((one) => [one, false] as const),
  ]) {
    const one = make(value);
    const [contract, sql] = [refusedByContract(one), await refusedBySql(one)];
    const shown = JSON.stringify(value)?.slice(0, 60);
    const names = (said: string | null) =>
      said === null || said === field || said.startsWith(`${field}.`)
        ? said === null
          ? null
          : field
        : said;
    const same = names(contract) === names(sql) || (sql === "unreadable" && contract !== null);
    if (!same || (contract === null) !== expected)
      found.push({ field, shown, contract, sql, expected });
  }
  return found;
}

it("every field of the contract has a case", () => {
  const [{ shape }] = operation.options;
  expect(Object.keys({ ...cases, ...vectors }).sort()).toEqual(
    Object.keys(shape.body.shape).sort(),
  );
  expect(Object.keys(shape).sort()).toEqual([...ids, "body", "type"].sort());
});

it.each(Object.entries(cases))(
  "%s of a put has the same bounds in SQL and in the SDK",
  async (field, values) => {
    const beside = field === "hlc" ? { key: "k" } : {};
    const make = (value: unknown) => put({ ...beside, [field]: value });
    expect(await differences(`body.${field}`, values, make)).toEqual([]);
  },
);

it("agent_id of a put has the same bounds in SQL and in the SDK", async () => {
  expect(
    await differences("body.agent_id", [[agentId], []], (id) => put({ agent_id: id })),
  ).toEqual([]);
});

const notUpdated = ["agent_id", "created_at", "key", "once", "hlc"];
const updated = Object.entries({ ...cases, task: texts(0, 2_000) }).filter(
  ([field]) => !notUpdated.includes(field),
);
it.each(updated)(
  "%s of an update has the same bounds in SQL and in the SDK",
  async (field, values) => {
    const make = (value: unknown) => update({ [field]: value });
    expect(await differences(`body.set.${field}`, values, make)).toEqual([]);
  },
);

it.each(ids)("%s of an operation has the same bounds in SQL and in the SDK", async (field) => {
  expect(await differences(field, uuids, (value) => put({}, { [field]: value }))).toEqual([]);
});

it.each(Object.entries(vectors))(
  "%s of a put has the same bounds in SQL and in the SDK",
  async (field, values) => {
    const make = (value: unknown) =>
      put(
        field === "model"
          ? { embedding: vector(0.5), model: value }
          : { model: "m", [field]: value },
      );
    expect(await differences(`body.${field}`, values, make)).toEqual([]);
  },
);

it("what only SQL can measure is refused by SQL, which names the field", async () => {
  for (const metadata of [nested(40), { text: "x".repeat(70_000) }])
    expect(await refusedBySql(put({ metadata }))).toBe("body.metadata");
});
