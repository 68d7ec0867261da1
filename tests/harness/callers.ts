/** Tenants, people and agents for tests, and a database session as each. */
import { createHash, randomUUID } from "node:crypto";
import type postgres from "postgres";

export type Sql = postgres.Sql;
export type Session = postgres.TransactionSql;
export type Claims = Record<string, unknown>;

export interface SpawnedAgent {
  id: string;
  claims: Claims;
  renewalSecret: string;
}

/** What SQL returns about an agent whose token has to be signed. */
export interface Issued {
  agent: { id: string; name: string; [more: string]: unknown };
  type: { version: number; prompt: string; [more: string]: unknown } | null;
  claims: Claims;
  renewal_secret: string;
  existing?: boolean;
}

export const serviceRole: Claims = { role: "service_role" };
export const anon: Claims = { role: "anon" };

/** Runs `work` in a transaction, as the Data API would for a caller with these claims. */
export async function actAs<T>(
  sql: Sql,
  claims: Claims,
  work: (session: Session) => Promise<T>,
  headers: Record<string, string> = {},
): Promise<T> {
  return (await sql.begin(async (session) => {
    const settings = session`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
      set_config('request.headers', ${JSON.stringify(headers)}, true),
      set_config('role', ${String(claims.role ?? "anon")}, true)`;
    // The settings and the first statement of `work` are sent in one round trip.
    const [, result] = await Promise.all([settings.execute(), work(session)]);
    return result;
  })) as T;
}

/** The time so many seconds from now, in seconds since 1970, as the claims of a token give it. */
export const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

export const inTenant = (tenant: string) => ({ "x-mayfly-tenant": tenant });

/** A new tenant's id. */
export async function makeTenant(
  sql: Sql,
  settings: Record<string, unknown> = {},
): Promise<string> {
  const name = `tenant ${randomUUID()}`;
  const [row] = await sql`insert into mayfly.tenants ${sql({ name, ...settings })} returning id`;
  return row?.id as string;
}

/** A signed-in person. `roles` gives the person's role in each tenant, by the tenant's id. */
export async function makePerson(sql: Sql, roles: Record<string, string>): Promise<Claims> {
  const id = randomUUID();
  await sql`insert into auth.users (id, email, email_confirmed_at) values (${id}, ${`${id}@example.com`}, now())`;
  for (const [tenant, role] of Object.entries(roles))
    await sql`insert into mayfly.members (tenant_id, user_id, role) values (${tenant}, ${id}, ${role})`;
  return {
    sub: id,
    role: "authenticated",
    iss: "http://127.0.0.1:54321/auth/v1",
    aud: "authenticated",
    exp: inSeconds(3600),
  };
}

/** Renews an agent as the spawn function does, with a token that contains the hash of the renewal secret. */
export function renew(
  sql: Sql,
  secret: string,
  extend = false,
): Promise<Issued & { refused?: string }> {
  const renewal = createHash("sha256").update(secret).digest("hex");
  const claims = {
    iss: "mayfly",
    role: "authenticated",
    exp: inSeconds(30),
    mayfly: { v: 1, renewal },
  };
  return rpc(sql, claims, "renew_agent", { extend });
}

/** The claims that the spawn function makes from an enrolment key. */
export function machineClaims(key: string): Claims {
  const enrolment = createHash("sha256").update(key).digest("hex");
  return {
    iss: "mayfly",
    role: "authenticated",
    exp: inSeconds(30),
    mayfly: { v: 1, enrolment },
  };
}

/** Spawns an agent in `tenant`. The spawner is the secret key, or another caller. */
export async function makeAgent(
  sql: Sql,
  tenant: string,
  options: {
    lifetime?: number;
    scopes?: string[];
    name?: string;
    type?: string;
    registration_key?: string;
    as?: Claims;
  } = {},
): Promise<SpawnedAgent> {
  const { as = serviceRole, lifetime = 60, ...rest } = options;
  const headers = as === serviceRole ? inTenant(tenant) : {};
  const issued = await rpc<Issued>(sql, as, "spawn_agent", { lifetime, ...rest }, headers);
  return { id: issued.agent.id, claims: issued.claims, renewalSecret: issued.renewal_secret };
}

/** The error that SQL raised, in the form in which a caller of the Data API gets it. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ code: string; [more: string]: unknown }> {
  const error = (await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )) as { code: string; message: string } | undefined;
  if (!error) throw new Error("It was not refused.");
  if (error.code !== "PGRST") return { code: error.code, message: error.message };
  const { details, ...rest } = JSON.parse(error.message) as {
    code: string;
    details: string | null;
  };
  return { ...rest, details: details ? JSON.parse(details) : null };
}

/** Calls a function of the schema mayfly as the caller with these claims. Returns its answer as JSON. */
export function rpc<T = Record<string, unknown>>(
  sql: Sql,
  claims: Claims,
  name: string,
  values: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<T> {
  const named = Object.keys(values).map((key, index) => `${key} => $${index + 1}`);
  return actAs(
    sql,
    claims,
    async (session) => {
      const [row] = await session.unsafe(
        `select to_jsonb(mayfly.${name}(${named.join(", ")})) as answer`,
        Object.values(values) as never[],
      );
      return row?.answer as T;
    },
    headers,
  );
}

/** The code of the error that SQL raised. */
export const codeOf = async (work: Promise<unknown>) => (await refusalOf(work)).code;
