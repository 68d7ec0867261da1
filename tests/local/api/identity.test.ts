import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateKeys } from "../../../local/src/keys.ts";
import { createTokens } from "../../../local/src/tokens.ts";
import { openProject, type Project } from "./harness.ts";

const sql = `
  create table rows (id int generated always as identity, tenant text not null);
  insert into rows (tenant) select 't' || (i % 10) from generate_series(1, 100) i;
  alter table rows enable row level security;
  create policy own on rows to authenticated
    using (tenant = (select auth.jwt() ->> 'tenant'));
  create function claims() returns jsonb language sql stable as 'select auth.jwt()';
  create function whoami() returns text language sql stable as 'select current_user::text';
  create function my_tenant() returns text language sql volatile as $$
    select string_agg(distinct tenant, ',') || ' ' || (auth.jwt() ->> 'tenant') from rows
  $$;
`;

let project: Project;
beforeAll(async () => {
  project = await openProject(sql);
});
afterAll(() => project.close());

const call = (name: string, headers: Record<string, string>) =>
  fetch(`${project.url}/rest/v1/rpc/${name}`, { method: "POST", headers });
const withToken = (token: string, name = "claims") =>
  call(name, { apikey: project.keys.publishableKey, authorization: `Bearer ${token}` });
const seconds = () => Math.floor(Date.now() / 1000);

describe("a token", () => {
  it("signed with the project's key or its secret reaches auth.jwt() unchanged", async () => {
    const claims = {
      sub: crypto.randomUUID(),
      role: "authenticated",
      iss: "mayfly",
      exp: seconds() + 60,
      mayfly: { v: 1, tenant: "t1", scopes: ["memory:read"], parent: null },
    };
    for (const token of [
      await project.tokens.sign(claims),
      await project.tokens.signLegacy(claims),
    ]) {
      const answer = await withToken(token);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual(claims);
    }
  });

  it("that expired within 30 seconds still passes, and an older one does not", async () => {
    expect((await withToken(await project.token({ exp: seconds() - 10 }))).status).toBe(200);
    const answer = await withToken(await project.token({ exp: seconds() - 40 }));
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toContain("JWT expired");
    expect(await answer.json()).toEqual({
      code: "PGRST303",
      message: "JWT expired",
      details: null,
      hint: null,
    });
  });

  it("is refused if it was changed, is unsigned, has another key, or is not a token", async () => {
    const good = await project.token();
    const [head, body, signature] = good.split(".");
    const forged = Buffer.from(JSON.stringify({ role: "service_role" })).toString("base64url");
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    const stranger = await (await createTokens(await generateKeys())).sign({
      role: "service_role",
    });
    for (const token of [
      `${head}.${forged}.${signature}`,
      `${none}.${body}.`,
      `${none}.${forged}.${signature}`,
      stranger,
      "a.b",
      "abc",
    ]) {
      const answer = await withToken(token, "whoami");
      expect(answer.status).toBe(401);
      expect((await answer.json()).code).toBe("PGRST301");
    }
  });

  it("without a role is anon, and with a role that is not for the API is refused", async () => {
    const { token } = { token: await project.tokens.sign({ sub: "x" }) };
    expect(await (await withToken(token, "whoami")).json()).toBe("anon");
    const unknown = await withToken(await project.token({ role: "nobody" }), "whoami");
    expect([unknown.status, (await unknown.json()).code]).toEqual([401, "22023"]);
    for (const role of ["postgres", "supabase_admin", "supabase_auth_admin"]) {
      const answer = await withToken(await project.token({ role }), "whoami");
      expect([answer.status, (await answer.json()).code]).toEqual([403, "42501"]);
    }
  });

  it("cannot break out of the settings that hold it", async () => {
    const sub = "x', true), set_config('role', 'supabase_admin', true); --\\'";
    const answer = await withToken(await project.token({ sub, role: "authenticated" }));
    expect((await answer.json()).sub).toBe(sub);
    const role = await withToken(await project.token({ role: "anon', true) --" }), "whoami");
    expect(role.status).toBe(401);
  });
});

describe("an API key", () => {
  it("is required, and must be the project's", async () => {
    for (const headers of [{}, { apikey: "sb_publishable_wrong" }, { apikey: "x.y.z" }]) {
      const answer = await call("whoami", headers as Record<string, string>);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    }
    const bearer = `Bearer ${project.keys.secretKey}`;
    expect((await call("whoami", { authorization: bearer })).status).toBe(401);
  });

  it("decides the role if there is no token, even if it is also sent as Bearer", async () => {
    const { publishableKey, secretKey } = project.keys;
    const role = async (apikey: string, more = {}) =>
      (await call("whoami", { apikey, ...more })).json();
    expect(await role(publishableKey)).toBe("anon");
    expect(await role(publishableKey, { authorization: `Bearer ${publishableKey}` })).toBe("anon");
    expect(await role(secretKey)).toBe("service_role");
    expect(await role(secretKey, { authorization: `Bearer ${secretKey}` })).toBe("service_role");
    const token = await project.token();
    expect(await role(secretKey, { authorization: `Bearer ${token}` })).toBe("authenticated");
    expect(await role(await project.tokens.signLegacy({ role: "anon" }))).toBe("anon");
  });

  it("that is secret is refused if a browser sends it", async () => {
    const answer = await call("whoami", {
      apikey: project.keys.secretKey,
      "user-agent": "Mozilla/5.0 (X11)",
    });
    expect(answer.status).toBe(401);
  });

  it("in the address works too", async () => {
    const answer = await fetch(
      `${project.url}/rest/v1/rows?select=id&apikey=${project.keys.secretKey}&limit=1`,
    );
    expect(await answer.json()).toEqual([{ id: 1 }]);
  });
});

describe("the Data API under parallel requests", () => {
  const ask = async (read: (tenant: string) => Promise<unknown>) => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => ({ tenant: `t${i % 10}`, i })).map(
        async (each) => {
          const { tenant } = await each;
          return { tenant, answer: await read(tenant) };
        },
      ),
    );
    return answers;
  };

  it("shows each of 200 reads of a table by 10 tenants its own rows", async () => {
    const answers = await ask(async (tenant) => {
      const client = project.client(project.keys.publishableKey, await project.token({ tenant }));
      const { data } = await client.from("rows").select("tenant");
      return data;
    });
    for (const { tenant, answer } of answers) expect(answer).toEqual(Array(10).fill({ tenant }));
  });

  it("shows each of 200 calls of a function by 10 tenants its own rows and claims", async () => {
    const answers = await ask(async (tenant) =>
      (await withToken(await project.token({ tenant }), "my_tenant")).json(),
    );
    for (const { tenant, answer } of answers) expect(answer).toBe(`${tenant} ${tenant}`);
  });

  it("shows nothing to an anonymous request beside them", async () => {
    const answers = await ask(async (tenant) => {
      const token = Number(tenant.slice(1)) % 2 === 0 ? await project.token({ tenant }) : undefined;
      const client = project.client(project.keys.publishableKey, token);
      return (await client.from("rows").select("tenant")).data?.length;
    });
    for (const { tenant, answer } of answers)
      expect(answer).toBe(Number(tenant.slice(1)) % 2 === 0 ? 10 : 0);
  });
});

describe("a page of another origin", () => {
  it("may send any header and read the answer's range", async () => {
    const answer = await fetch(`${project.url}/rest/v1/rows`, {
      method: "OPTIONS",
      headers: {
        origin: "https://example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,apikey,x-mayfly-tenant",
      },
    });
    expect(answer.ok).toBe(true);
    expect(answer.headers.get("access-control-allow-headers")).toContain("x-mayfly-tenant");
    const read = await fetch(`${project.url}/rest/v1/rows?select=id`, {
      headers: { apikey: project.keys.secretKey, origin: "https://example.com" },
    });
    expect(read.headers.get("access-control-allow-origin")).toBe("*");
    expect(read.headers.get("access-control-expose-headers")).toContain("Content-Range");
    expect(read.headers.get("content-range")).toBe("0-99/*");
  });
});
