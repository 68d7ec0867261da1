/** Numbers that JavaScript would change, and keys that it treats as its own. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  type SpawnedAgent,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

let db: TestDatabase;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
  const scopes = ["memory:read", "memory:write", "state:read", "state:write", "message:send"];
  agent = await makeAgent(db.sql, await makeTenant(db.sql), {
    scopes: [...scopes, "agent:spawn", "debug:write"],
    lifetime: 600,
  });
});
afterAll(() => db.close());

const ids = { id: randomUUID(), at: new Date().toISOString() };
/** Calls with JSON exactly as written, because JavaScript would change it. */
const call = (text: string) =>
  actAs(db.sql, agent.claims, async (session) => {
    const [row] = await session.unsafe(`select to_jsonb(mayfly.${text}) as answer`);
    return row?.answer;
  });
const put = (json: string) =>
  `sync('[{"id": "${randomUUID()}", "type": "memory.put", "memory": {"id": "${randomUUID()}", "task": "t", "metadata": ${json}}}]')`;
const update = (json: string) =>
  `sync('[{"id": "${randomUUID()}", "type": "memory.update", "memory": {"id": "${randomUUID()}", "set": {"metadata": ${json}}}}]')`;

describe("numbers that JavaScript would change", () => {
  const places: [string, (json: string) => string, string][] = [
    ["a memory", put, "memory.metadata"],
    ["an update", update, "memory.set.metadata"],
    ["a state", (json) => `set_state('k', '${json}')`, "value"],
    ["a patch of a state", (json) => `patch_state('k', '${json}')`, "patch"],
    [
      "a message",
      (json) =>
        `send_messages('[{"id": "${randomUUID()}", "to": {"all": true}, "type": "info", "payload": ${json}}]')`,
      "payload",
    ],
    ["an agent", (json) => `spawn_agent(metadata => '${json}')`, "metadata"],
    ["a team", (json) => `spawn_team('[{"metadata": ${json}}]')`, "metadata"],
    [
      "a debug record",
      (json) =>
        `append_debug('[{"id": "${ids.id}", "level": 1, "category": "task", "name": "n", "at": "${ids.at}", "data": ${json}}]')`,
      "records",
    ],
  ];
  const changed = ["1e400", "-1e400", "9007199254740993", "-123456789012345678901", "1e-400"];
  it.each(places)("are refused in %s, and the error names the field", async (_, place, field) => {
    for (const number of changed) {
      const refusal = await refusalOf(call(place(`{"a": [{"n": ${number}}]}`)));
      expect(refusal, number).toMatchObject({ details: { field } });
      expect(refusal.message).toMatch(/numbers? that JavaScript can/);
    }
  });

  it("are refused in the metadata of a type, too", async () => {
    const owner = await makePerson(db.sql, {
      [(agent.claims.mayfly as { tenant: string }).tenant]: "owner",
    });
    const define = rpc(db.sql, owner, "define_agent_type", { name: "t", metadata: '{"n": 1e400}' });
    expect(await refusalOf(define)).toMatchObject({ details: { field: "metadata" } });
  });

  it("do not include numbers that JavaScript can hold, or texts that look like numbers", async () => {
    const kept = `{"a": 9007199254740991, "b": 1e300, "c": 0.1, "d": 5e-324, "e": "9007199254740993", "f": -0.0, "g": 1.7976931348623157e308}`;
    const state = (await call(`set_state('kept', '${kept}')`)) as { value: unknown };
    expect(state.value).toEqual(JSON.parse(kept.replace("-0.0", "0")));
  });
});

it("JSON keys with special names in JavaScript are ordinary keys", async () => {
  const json = `{"__proto__": {"a": 1}, "constructor": {"prototype": 2}, "toString": 3}`;
  const state = (await call(`set_state('own', '${json}')`)) as { value: unknown };
  // Postgres orders the keys of an object by their length.
  const own = (value: unknown) => Object.entries(value as object).sort();
  expect(own(state.value)).toEqual(own(JSON.parse(json)));
});
