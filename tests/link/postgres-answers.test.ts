import { randomUUID } from "node:crypto";
import { Mayfly, type MayflyError, type Result } from "@mayfly/sdk";
import { PostgresTransport } from "@mayfly/sdk/postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { type Claims, makeAgent } from "#harness/callers";
import { databases, type Ways } from "#harness/transports";

/** One caller over both transports, with the same token, key and tenant. */
interface Caller {
  key: string;
  tenant?: string;
  token?: () => Promise<string>;
}

describe.each(databases)("over Postgres, on $name,", ({ open }) => {
  let ways: Ways;
  beforeAll(async () => {
    ways = await open();
  });
  afterAll(() => ways?.close());

  async function byHttp({ key, tenant, token }: Caller, name: string, args: object) {
    const response = await fetch(`${ways.local.apiUrl}/rest/v1/rpc/${name}`, {
      method: "POST",
      headers: {
        apikey: key,
        "content-type": "application/json",
        "content-profile": "mayfly",
        ...(token && { authorization: `Bearer ${await token()}` }),
        ...(tenant && { "x-mayfly-tenant": tenant }),
      },
      body: JSON.stringify(args),
    });
    const text = await response.text();
    const body: unknown = text ? JSON.parse(text) : null;
    return response.ok ? { data: shapeOf(body), error: null } : { data: null, error: told(body) };
  }

  async function byPostgres(caller: Caller, name: string, args: object) {
    const { data, error } = await ways.transport.call(caller, name, args);
    return error ? { data: null, error: told(error) } : { data: shapeOf(data), error: null };
  }

  const agent = async (tenant: string, change: Claims = {}): Promise<Caller> => {
    const { claims } = await makeAgent(ways.sql, tenant);
    const token = await ways.sign({ ...claims, ...change });
    return { key: ways.local.publishableKey, token: async () => token };
  };

  it("every function answers and refuses as over the Data API", async () => {
    const { tenant } = await ways.enter({ max_living_agents: 1_000 });
    const functions = await ways.sql<{ name: string; names: string[]; writes: boolean }[]>`
      select proname as name, coalesce(to_json(proargnames[1:pronargs]), '[]') as names, provolatile = 'v' as writes
      from pg_proc where pronamespace = 'mayfly'::regnamespace order by 1`;
    expect(functions.length).toBeGreaterThan(80);
    const { secretKey } = ways.local;
    const nothing = () => ({});
    const nulls = (names: string[]) => Object.fromEntries(names.map((key) => [key, null]));
    const callers: [string, () => Promise<Caller>, (typeof nulls)[]][] = [
      ["the secret key", async () => ({ key: secretKey, tenant }), [nulls]],
      ["an agent", () => agent(tenant), [nothing]],
    ];
    const other: Record<string, unknown> = {};
    const own: Record<string, unknown> = {};
    for (const [who, open, given] of callers) {
      const pair = () => Promise.all([open(), open()]);
      let [first, second] = await pair();
      for (const { name, names, writes } of functions) {
        for (const args of given.map((of) => of(names))) {
          const call = `${who}: ${name}(${Object.keys(args)})`;
          const answer = await byHttp(first, name, args);
          other[call] = answer;
          own[call] = await byPostgres(second, name, args);
          // Changes that a caller makes to itself must not affect the next call.
          if (writes && !answer.error) [first, second] = await pair();
        }
      }
    }
    expect(own).toEqual(other);
  });

  it("an expired or invalid token, or one with another role, is refused as by the Data API", async () => {
    const { tenant } = await ways.enter();
    const now = Math.floor(Date.now() / 1_000);
    for (const caller of [
      await agent(tenant, { exp: now - 100, iat: now - 200 }),
      { key: ways.local.publishableKey, token: async () => "a.b.c" },
      { key: "sb_something" },
    ]) {
      const [other, own] = await Promise.all([
        byHttp(caller, "usage", {}),
        byPostgres(caller, "usage", {}),
      ]);
      expect(own.error).not.toBeNull();
      expect(meaningOf(own.error)).toEqual(meaningOf(other.error));
    }
    for (const role of ["postgres", "supabase_admin", "authenticator", 'anon"; reset role; --']) {
      const forged = await byPostgres(await agent(tenant, { role }), "usage", {});
      expect(forged.error).toMatchObject({ code: "42501" });
    }
  });

  it("a call without a token is refused, as over the Data API", async () => {
    const nobody = { key: ways.local.publishableKey };
    for (const [name, args] of Object.entries({ usage: {}, get_state: { key: "a" }, sync: {} })) {
      const own = await byPostgres(nobody, name, args);
      expect(own.error).toMatchObject({ code: "42501" });
      expect(own).toEqual(await byHttp(nobody, name, args));
    }
  });

  it("unknown and missing arguments are refused by name", async () => {
    const { tenant } = await ways.enter();
    const caller = { key: ways.local.secretKey, tenant };
    for (const args of [{ unheard_of: 1 }, {}]) {
      const own = await byPostgres(caller, "get_state", args);
      expect(own.error).toEqual({ code: "PGRST202" });
      expect(own).toEqual(await byHttp(caller, "get_state", args));
    }
    expect((await byPostgres(caller, "drop_everything", {})).error).toEqual({ code: "PGRST202" });
  });

  it("an agent that was stopped can do nothing more", async () => {
    const { http, direct } = await ways.enter();
    const worker = dataOf(await direct.spawn());
    dataOf(await worker.state.set("plan", "a"));
    dataOf(await http.agents.stop(worker.id));
    expect((await worker.state.set("plan", "b")).error?.code).toBe("not_authorized");
    expect(dataOf(await http.state.of(worker.id).get("plan"))?.value).toBe("a");
  });

  it("the SDK gives the same answers, and the same errors with the same words", async () => {
    const { http, direct } = await ways.enter();
    dataOf(await http.state.set("plan", { ключ: "ünïcode \u2028 '\"\\", n: 1.5e300 }));
    const job = dataOf(await http.jobs.add("read", { path: "a.md" }));
    const missing = randomUUID();
    const calls: Record<string, (mayfly: Mayfly) => Promise<Result<unknown>>> = {
      state: (mayfly) => mayfly.state.get("plan"),
      "no state": (mayfly) => mayfly.state.get("nothing"),
      "a key that is none": (mayfly) => mayfly.state.set("", 1),
      "a version that is gone": (mayfly) => mayfly.state.set("plan", 1, { expectedVersion: 7 }),
      job: (mayfly) => mayfly.jobs.get(job.id),
      "no job": (mayfly) => mayfly.jobs.get(missing),
      jobs: (mayfly) => mayfly.jobs.list(),
      "a name that is none": (mayfly) => mayfly.jobs.add("\n"),
      agents: (mayfly) => mayfly.agents.find(),
      "no agent": (mayfly) => mayfly.agents.get(missing),
      "an id that is none": (mayfly) => mayfly.agents.get("me"),
      usage: (mayfly) => mayfly.tenants.usage(),
    };
    for (const [name, call] of Object.entries(calls)) {
      const [other, own] = [await call(http), await call(direct)];
      expect({ [name]: plain(own) }).toEqual({ [name]: plain(other) });
    }
  });

  it("an agent cannot call another tenant", async () => {
    const [mine, theirs] = [await ways.enter(), await ways.enter()];
    dataOf(await theirs.http.state.set("secret", 1));
    const caller = await agent(mine.tenant);
    const asked = await byPostgres({ ...caller, tenant: theirs.tenant }, "get_state", {
      key: "secret",
    });
    expect(asked.error).toMatchObject({ code: "not_authorized" });
    expect(asked).toEqual(
      await byHttp({ ...caller, tenant: theirs.tenant }, "get_state", { key: "secret" }),
    );
  });

  it("no role and no claims are left on a connection after a call", async () => {
    const { direct } = await ways.enter();
    const one = new PostgresTransport(ways.local.dbUrl, { max: 1 });
    try {
      const caller = await agent((await ways.enter()).tenant);
      expect((await one.call(caller, "usage", {})).error).toBeNull();
      expect(
        (await one.call(caller, "set_state", { key: null, value: null })).error,
      ).not.toBeNull();
      const nobody = { key: ways.local.publishableKey };
      expect((await one.call(nobody, "usage", {})).error).toMatchObject({ code: "42501" });
      expect((await one.call({ key: ways.local.secretKey }, "usage", {})).error).toMatchObject({
        code: "tenant_unknown",
      });
    } finally {
      await one.close();
    }
    expect((await direct.tenants.usage()).error).toBeNull();
  });
});

it("a database that cannot be reached is unavailable, and says so", async () => {
  const transport = new PostgresTransport("postgres://mayfly:secret@127.0.0.1:1/none");
  const mayfly = new Mayfly({ url: "http://127.0.0.1:1", key: "sb_secret_x", transport });
  const { error } = await mayfly.tenants.usage();
  expect(error).toMatchObject({ code: "unavailable" });
  expect(error?.message).toMatch(/^The database could not be reached: /);
  expect(JSON.stringify({ ...error, message: error?.message })).not.toContain("secret");
  await mayfly.close();
  await transport.close();
});

it("a person's token is refused, because nobody verified it", () => {
  const transport = new PostgresTransport("postgres://127.0.0.1:1/none");
  const client = { auth: {} } as never;
  expect(
    () => new Mayfly({ url: "http://127.0.0.1:1", key: "sb_publishable_x", client, transport }),
  ).toThrow(expect.objectContaining({ code: "invalid_request", details: { field: "transport" } }));
});

/** Reduces an answer to keys and types, because the values of two calls differ. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 ? [shapeOf(value[0])] : [];
  if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}

/** Leaves out the hint about a missing function, because only the Data API suggests similar functions. */
const told = (error: unknown) => {
  const { code, ...more } = Object(error) as { code?: string };
  return code === "PGRST202" ? { code } : { code, ...more };
};

const meaningOf = (error: unknown) => {
  const { code, message } = Object(error) as { code?: string; message?: string };
  return { code, message: code?.startsWith("PGRST301") ? null : message };
};

function plain({ data, error }: Result<unknown>) {
  if (!error) return { data };
  const { code, message, hint, details } = error as MayflyError;
  return { code, message, hint, details };
}
