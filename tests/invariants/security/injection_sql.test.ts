import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  inTenant,
  makeAgent,
  makePerson,
  rpc,
  serviceRole,
} from "#harness/callers";
import { operation, teamRequest } from "#harness/contract";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { long } from "#harness/long";
import { putOf, updateOf } from "#harness/operations";
import { fillTenant, type Victim } from "#harness/sweep";
import { wantedOfApprovals } from "../../approvals/wanted.ts";
import { wantedOfArtifacts } from "../../artifacts/wanted.ts";
import { wantedOfTeams } from "../../teams/wanted.ts";
import { wantedOfWorkflows } from "../../workflows/wanted.ts";
import { type TextPlace, textPlacesOf } from "./bodies.ts";
import { digestOf } from "./evidence.ts";
import { fewPayloads, leakIn, payloads } from "./payloads.ts";
import { wantedOfCosts, wantedOfRuns } from "./wanted-costs.ts";

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
type Name = "owner" | "agent" | "secret";

let db: TestDatabase;
let victim: Victim;
let own: Victim;
let attackers: Record<Name, Attacker>;
/** Valid arguments for calls in which not every value of the type is valid. */
let wanted: Record<string, unknown>;
let functions: Exposed[];

beforeAll(async () => {
  db = await openTestDatabase();
  victim = await fillTenant(db.sql);
  own = await fillTenant(db.sql);
  const unlimited = {
    writes_per_minute: 1_000_000,
    max_living_agents: 100_000,
    spawns_per_minute: 100_000,
  };
  await db.sql`update mayfly.tenants set ${db.sql(unlimited)} where id = ${own.tenant}`;
  attackers = {
    owner: { claims: own.owner, headers: {} },
    agent: await makeAttacker(),
    secret: { claims: serviceRole, headers: inTenant(own.tenant) },
  };
  const target = (await makeAgent(db.sql, own.tenant, { lifetime: 600 })).id;
  const [job, lease, run] = await actAs(
    db.sql,
    serviceRole,
    async (session) => {
      const [added] =
        await session`select mayfly.add_jobs('[{"name": "held"}, {"name": "workflow:run:1", "delay": 9000}]') as jobs`;
      const [claimed] = await session`select mayfly.claim_jobs(lease => 3600) as answer`;
      return [added?.jobs[0].id, claimed?.answer.jobs[0].lease, added?.jobs[1].id] as string[];
    },
    inTenant(own.tenant),
  );
  const ask = (claims: Claims, values: object, headers = {}) =>
    rpc<{ id: string; digest: string }>(
      db.sql,
      claims,
      "request_approval",
      { title: "May I?", ...values },
      headers,
    );
  const asked = await ask(own.agent.claims, { quorum: 20 });
  const askedByJob = await ask(serviceRole, { lease, step: "asked" }, inTenant(own.tenant));
  const admin = await makePerson(db.sql, { [own.tenant]: "admin" });
  const [team] = await db.sql`
    insert into mayfly.teams (tenant_id, name) values (${own.tenant}, 'of nobody') returning id`;
  wanted = {
    page_limit: 1,
    // `sync` pulls no page of the log. Otherwise it would read one for each payload.
    "sync.page_limit": 0,
    role: "viewer",
    level: 1,
    "recall.query": "plan",
    "change_member_role.user_id": String(own.viewer.sub),
    "stop_agent.id": target,
    "suspend_agent.id": target,
    "patch_state.patch": {},
    "reconcile_state.strategy": "merge",
    "reconcile_state.ours": {},
    "edit_state.edits": [{ op: "add", path: "/a", value: 1 }],
    "set_schedule.cron": "0 3 * * *",
    "states_at.instant": "2100-01-01T00:00:00Z",
    "signal_job.id": job,
    // A job that the secret key holds. The other two callers do not see it.
    "read_steps.lease": lease,
    "record_steps.steps": [{ name: "read" }],
    "wait_job.lease": lease,
    ...wantedOfArtifacts,
    ...wantedOfApprovals(lease as string, asked, askedByJob.id, String(admin.sub)),
    "wait_job.signals": ["go"],
    "set_entity.entity": { name: "a thing" },
    ...wantedOfWorkflows(lease as string, run as string),
    ...wantedOfCosts,
    ...wantedOfRuns(own.run),
    ...wantedOfTeams(own, team?.id),
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

/** An agent with every scope that agents can have. */
async function makeAttacker(): Promise<Attacker> {
  const rows = await db.sql`select name from mayfly.scopes where agents`;
  const scopes = rows.map((row) => row.name as string);
  return {
    claims: (await makeAgent(db.sql, own.tenant, { lifetime: 600, scopes })).claims,
    headers: {},
  };
}

/** The value of an argument that is not attacked. If it is undefined, the argument is left out. */
function given(called: Exposed, argument: Argument): unknown {
  const { name, optional } = argument;
  const known = wanted[`${called.name}.${name}`] ?? wanted[name];
  return known ?? (optional ? undefined : usual(argument));
}

/** A value of the argument's type that most functions accept. */
function usual({ type }: Argument): unknown {
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

/** Every form in which an argument can have a payload: as its value, in a list, and at any place in JSON. */
function forms({ name, type }: Argument, payload: string): unknown[] {
  if (type.endsWith("[]")) return [[payload], [payload, payload]];
  if (!/^jsonb?$/.test(type)) return [payload];
  const anywhere = [payload, [payload], { [payload]: payload }, [{ [payload]: { a: [payload] } }]];
  return [...anywhere, ...(ofBodies[name] ?? []).map((place) => place.with(payload))];
}

/** The Data API's answer, and whether it is a fault of ours (500). What the call has changed is kept. */
async function attempt(attacker: Attacker, called: Exposed, values: Record<string, unknown>) {
  const given = called.arguments.filter(({ name }) => values[name] !== undefined);
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
    // Class 22: the value does not have its type, which the Data API answers with 400.
    const refused = (code === "PGRST" && status < 500) || code.startsWith("22") || code === "42501";
    return { answer: message, broken: !refused, code };
  }
}

/** Whether the function itself got the text and checked it. */
function reached({ answer, code }: Awaited<ReturnType<typeof attempt>>, tried: Argument): boolean {
  if (code !== "PGRST") return code !== "42501";
  const refusal = JSON.parse(answer) as { code: string; details: string | null };
  if (["not_authorized", "scope_missing", "no_inbox"].includes(refusal.code)) return false;
  const { field } = JSON.parse(refusal.details ?? "{}") as { field?: string | null };
  // The state is looked up by the tried key. In lists and JSON, the field may be inside.
  if (refusal.code === "version_unknown") return true;
  return !field || field === tried.name || /^jsonb?$|\[\]$/.test(tried.type);
}

describe("texts that are SQL", () => {
  it("stay texts in every argument of every exposed function", { timeout: 240_000 }, async () => {
    const problems: string[] = [];
    let tried = 0;
    let places = 0;
    const untried: string[] = [];
    const names: Name[] = ["owner", "agent", "secret"];
    const before = await digestOf(db.sql, victim.tenant);
    for (const called of functions) {
      for (const attacked of called.arguments) {
        // In lists and JSON each payload has many forms. A number or a time has its own input.
        if (/^(integer|bigint|double|numeric|boolean|timestamp|uuid$)/.test(attacked.type))
          continue;
        const usuals = Object.fromEntries(
          called.arguments
            .filter((argument) => argument !== attacked)
            .map((argument) => [argument.name, given(called, argument)]),
        );
        places++;
        let taken = false;
        for (const [index, payload] of payloads.entries()) {
          // Each argument gets a third of the payloads, in turns. In the long suite it gets all.
          if (!long && (index + places) % 3 > 0) continue;
          // Each argument by each attacker. A caller that may not call the function tries nothing.
          const name = names[(index + Math.floor(index / 3)) % 3] ?? "owner";
          for (const value of forms(attacked, payload)) {
            tried++;
            const startedAt = performance.now();
            const outcome = await attempt(attackers[name], called, {
              ...usuals,
              [attacked.name]: value,
            });
            const { answer, broken, code } = outcome;
            taken ||= reached(outcome, attacked);
            // The call may have stopped the attacking agent.
            if (name === "agent" && answer.includes("not_authorized"))
              attackers.agent = await makeAttacker();
            const where = `${called.name}(${attacked.name} => ${JSON.stringify(value).slice(0, 120)})`;
            if (broken) problems.push(`${where}: ${code} ${answer.slice(0, 200)}`);
            // The Data API's answer to a value with the wrong type comes from Postgres.
            const leak = code?.startsWith("22") ? undefined : leakIn(answer);
            if (leak) problems.push(`${where} tells ${leak}: ${answer.slice(0, 200)}`);
            if (performance.now() - startedAt > 4_000) problems.push(`${where} took its time`);
          }
        }
        if (!taken) untried.push(`${called.name}(${attacked.name})`);
      }
    }
    expect(problems.slice(0, 20), `${problems.length} of ${tried}`).toEqual([]);
    expect(untried, "refused for something else: say in `wanted` what the call takes").toEqual([]);
    expect(tried).toBeGreaterThan(long ? 1_000 : 400);
    expect(await digestOf(db.sql, victim.tenant)).toEqual(before);
    const [row] = await db.sql`select count(*)::int from mayfly.tenants where name = 'pwned'`;
    expect(row?.count).toBe(0);
  });

  it("stay texts in every field of a memory, put and updated", async () => {
    const before = await digestOf(db.sql, victim.tenant);
    const texts = ["task", "input", "output", "critique"];
    for (const payload of fewPayloads) {
      const content = {
        ...Object.fromEntries(texts.map((name) => [name, payload])),
        tags: [payload.slice(0, 100)],
        metadata: { [payload]: payload },
      };
      const put = putOf(content);
      const update = updateOf(put.memory.id, { ...content, task: `${payload}.` });
      for (const op of [put, update])
        await rpc(db.sql, own.owner, "sync", { push: [op] as never, page_limit: 0 });
      const [row] = await db.sql`
        select task, input, output, critique, tags, metadata from mayfly.memories
        where tenant_id = ${own.tenant} and id = ${put.memory.id}`;
      expect(row, payload).toEqual({ ...content, task: `${payload}.` });
    }
    expect(await digestOf(db.sql, victim.tenant)).toEqual(before);
  });
});
