import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operation, teamRequest } from "../../sdk/src/schemas.ts";
import { fillTenant, type Victim } from "../db/sweep.ts";
import { actAs, type Claims, inTenant, makeAgent, serviceRole } from "../harness/callers.ts";
import { openTestDatabase, type TestDatabase } from "../harness/database.ts";
import { long } from "../harness/long.ts";
import { type TextPlace, textPlacesOf } from "./bodies.ts";
import { digestOf } from "./evidence.ts";
import { leakIn, payloads } from "./payloads.ts";

interface Argument {
  name: string;
  type: string;
  optional: boolean;
}
interface Exposed {
  name: string;
  arguments: Argument[];
}
interface Attacker {
  claims: Claims;
  headers: Record<string, string>;
}

let db: TestDatabase;
let victim: Victim;
let attackers: Record<string, Attacker>;
let functions: Exposed[];

beforeAll(async () => {
  db = await openTestDatabase();
  victim = await fillTenant(db.sql);
  const own = await fillTenant(db.sql);
  const unlimited = { writes_per_minute: 1_000_000, max_living_agents: 100_000 };
  await db.sql`update mayfly.tenants set ${db.sql(unlimited)} where id = ${own.tenant}`;
  const scopes = await db.sql`select name from mayfly.scopes where agents`;
  const agent = await makeAgent(db.sql, own.tenant, {
    lifetime: 600,
    scopes: scopes.map((row) => row.name as string),
  });
  attackers = {
    owner: { claims: own.owner, headers: {} },
    agent: { claims: agent.claims, headers: {} },
    "the secret key": { claims: serviceRole, headers: inTenant(own.tenant) },
  };
  const rows = await db.sql`
    select p.proname as name, p.proargnames as names, p.pronargs as count, p.pronargdefaults as defaults,
      (select array_agg(format_type(t.oid, null) order by t.n)
       from unnest(p.proargtypes) with ordinality as t (oid, n)) as types
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'mayfly' and p.prokind = 'f' order by 1`;
  functions = rows.map((row) => ({
    name: row.name as string,
    arguments: ((row.types as string[] | null) ?? []).map((type, index) => ({
      name: (row.names as string[])[index] as string,
      type,
      optional: index >= (row.count as number) - (row.defaults as number),
    })),
  }));
});
afterAll(() => db.close());

/** A value of a type that most functions take, for the arguments that are not tried. */
function usual({ name, type }: Argument): unknown {
  if (name === "role") return "viewer";
  // Nothing is pulled: it would be read through for every payload.
  if (name === "page_limit") return 0;
  if (type === "uuid") return randomUUID();
  if (type === "uuid[]") return [randomUUID()];
  if (type.endsWith("[]")) return [];
  if (/^(integer|bigint|double|numeric)/.test(type)) return 10;
  if (type === "boolean") return false;
  if (/^jsonb?$/.test(type)) return [];
  if (/^(timestamp|interval|date)/.test(type)) return null;
  return "usual";
}

const ofBodies: Record<string, TextPlace[]> = {
  push: textPlacesOf(operation).map(({ path, with: put }) => ({
    path,
    with: (text) => [put(text)],
  })),
  team: textPlacesOf(teamRequest.shape.team),
};

/** Everything that a payload can be in an argument: itself, in a list, and anywhere in JSON. */
function forms({ name, type }: Argument, payload: string): unknown[] {
  if (type.endsWith("[]")) return [[payload], [payload, payload]];
  if (!/^jsonb?$/.test(type)) return [payload];
  const anywhere = [payload, [payload], { [payload]: payload }, [{ [payload]: { a: [payload] } }]];
  return [...anywhere, ...(ofBodies[name] ?? []).map((place) => place.with(payload))];
}

/** What the Data API would answer, and whether that would be our fault (500). Nothing of it is undone. */
async function attempt(attacker: Attacker, called: Exposed, values: Record<string, unknown>) {
  const given = called.arguments.filter(({ name }) => name in values);
  const list = given.map(({ name, type }, index) => {
    const text = /^jsonb?$/.test(type) ? `$${index + 1}::text::${type}` : `$${index + 1}::${type}`;
    return `"${name}" => ${text}`;
  });
  const parameters = given.map(({ name, type }) =>
    /^jsonb?$/.test(type) ? JSON.stringify(values[name]) : values[name],
  );
  try {
    const answer = await actAs(
      db.sql,
      attacker.claims,
      (session) =>
        session.unsafe(
          `select to_jsonb(mayfly.${called.name}(${list.join(", ")}))::text as answer`,
          parameters as never[],
        ),
      attacker.headers,
    );
    return { answer: String(answer[0]?.answer ?? ""), broken: false };
  } catch (error) {
    const { code = "none", message } = error as Error & { code?: string };
    const status =
      code === "PGRST" ? Number(JSON.parse((error as { detail: string }).detail).status) : 0;
    // Class 22: the value is not of its type, which the Data API answers with 400.
    const refused = (code === "PGRST" && status < 500) || code.startsWith("22") || code === "42501";
    return { answer: message, broken: !refused, code };
  }
}

describe("texts that are SQL", () => {
  it("stay texts in every argument of every exposed function", { timeout: 240_000 }, async () => {
    const problems: string[] = [];
    let tried = 0;
    let places = 0;
    const before = await digestOf(db.sql, victim.tenant);
    for (const called of functions) {
      for (const attacked of called.arguments) {
        // Of lists and JSON each payload has many forms; a number or an instant has its own input.
        if (/^(integer|bigint|double|numeric|boolean|timestamp|uuid$)/.test(attacked.type))
          continue;
        const usuals = Object.fromEntries(
          called.arguments
            .filter(
              ({ name, optional }) =>
                name !== attacked.name && (!optional || name === "page_limit"),
            )
            .map((argument) => [argument.name, usual(argument)]),
        );
        places++;
        for (const [index, payload] of payloads.entries()) {
          // By turns, a third for each argument; all of them in the long suite.
          if (!long && (index + places) % 3 > 0) continue;
          for (const value of forms(attacked, payload)) {
            tried++;
            const attacker = Object.values(attackers)[index % 3] as Attacker;
            const startedAt = performance.now();
            const { answer, broken, code } = await attempt(attacker, called, {
              ...usuals,
              [attacked.name]: value,
            });
            const where = `${called.name}(${attacked.name} => ${JSON.stringify(value).slice(0, 120)})`;
            if (broken) problems.push(`${where}: ${code} ${answer.slice(0, 200)}`);
            // What the Data API says of a value that is not of its type is Postgres' own.
            const leak = code?.startsWith("22") ? undefined : leakIn(answer);
            if (leak) problems.push(`${where} tells ${leak}: ${answer.slice(0, 200)}`);
            if (performance.now() - startedAt > 4_000) problems.push(`${where} took its time`);
          }
        }
      }
    }
    expect(problems.slice(0, 20), `${problems.length} of ${tried}`).toEqual([]);
    expect(tried).toBeGreaterThan(long ? 1_000 : 400);
    expect(await digestOf(db.sql, victim.tenant)).toEqual(before);
    const [names] = await db.sql`select count(*)::int from mayfly.tenants where name = 'pwned'`;
    expect(names?.count).toBe(0);
  });

  it("stay texts as the columns and filters of every exposed table", async () => {
    const before = await digestOf(db.sql, victim.tenant);
    const columns = await db.sql`
      select c.oid::regclass::text as table, quote_ident(a.attname) as name from pg_attribute a
      join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'mayfly' and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
        and a.atttypid = 'text'::regtype`;
    const { claims } = attackers.owner as Attacker;
    for (const { table, name } of columns)
      await actAs(db.sql, claims, async (session) => {
        for (const payload of payloads) {
          const rows = await session.unsafe(
            `select 1 from ${table} where ${name} = $1 and to_jsonb(${table.split(".")[1]})::text like $2`,
            [payload, `%${victim.tenant}%`],
          );
          expect(rows.length).toBe(0);
        }
      });
    expect(await digestOf(db.sql, victim.tenant)).toEqual(before);
  });
});
