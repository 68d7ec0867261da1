import { randomUUID } from "node:crypto";
import { hash } from "bcryptjs";
import postgres, { type JSONValue, type Sql, type TransactionSql } from "postgres";
import { z } from "zod";
import { AuthProblem } from "./auth-answers.ts";
import { readBody } from "./body.ts";

const attributes = z.looseObject({
  id: z.uuid().optional(),
  email: z.email().max(255).optional(),
  phone: z.string().optional(),
  password: z.string().max(72).optional(),
  password_hash: z.string().startsWith("$2").optional(),
  email_confirm: z.boolean().optional(),
  phone_confirm: z.boolean().optional(),
  user_metadata: z.record(z.string(), z.unknown()).optional(),
  app_metadata: z.record(z.string(), z.unknown()).optional(),
  role: z.string().optional(),
  ban_duration: z.string().optional(),
});
type Attributes = z.infer<typeof attributes>;
type Row = Record<string, JSONValue>;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const bcryptRounds = 10;

/** GoTrue's `/admin/users`, for callers with the right to use it. @throws AuthProblem */
export function createAdminUsers(sql: Sql): (request: Request, path: string) => Promise<Response> {
  return async (request, path) => {
    const { method } = request;
    const [, , resource, id, ...rest] = path.split("/");
    if (resource !== "users" || rest.length > 0) throw notFound("404 page not found");
    if (id === undefined || id === "") {
      if (method === "GET") return list(sql, new URL(request.url));
      if (method === "POST") return Response.json(await create(sql, await bodyOf(request)));
    } else {
      if (!uuid.test(id))
        throw new AuthProblem(404, "validation_failed", "user_id must be an UUID");
      if (method === "GET") return Response.json(await read(sql, id));
      if (method === "PUT") return Response.json(await update(sql, id, await bodyOf(request)));
      if (method === "DELETE") return remove(sql, id, await request.text());
    }
    throw new AuthProblem(405, "validation_failed", "Method not allowed");
  };
}

const notFound = (message: string) => new AuthProblem(404, "not_found", message);
const noUser = () => new AuthProblem(404, "user_not_found", "User not found");

async function bodyOf(request: Request): Promise<Attributes> {
  const text = await readBody(request);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AuthProblem(400, "bad_json", "Could not parse request body as JSON");
  }
  const parsed = attributes.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const message =
    issue?.path[0] === "email"
      ? "Unable to validate email address: invalid format"
      : `${issue?.path.join(".")}: ${issue?.message}`;
  throw new AuthProblem(400, "validation_failed", message);
}

/** A user in GoTrue's form, with its identities. */
const shape = `
  json_strip_nulls(json_build_object(
    'id', u.id, 'aud', u.aud, 'role', u.role, 'email', coalesce(u.email, ''),
    'email_confirmed_at', u.email_confirmed_at, 'invited_at', u.invited_at,
    'phone', coalesce(u.phone, ''), 'phone_confirmed_at', u.phone_confirmed_at,
    'confirmation_sent_at', u.confirmation_sent_at, 'confirmed_at', u.confirmed_at,
    'recovery_sent_at', u.recovery_sent_at, 'new_email', nullif(u.email_change, ''),
    'email_change_sent_at', u.email_change_sent_at, 'last_sign_in_at', u.last_sign_in_at,
    'banned_until', u.banned_until, 'deleted_at', u.deleted_at,
    'created_at', u.created_at, 'updated_at', u.updated_at, 'is_anonymous', u.is_anonymous
  ))::jsonb
  || jsonb_build_object(
    'app_metadata', coalesce(u.raw_app_meta_data, '{}'),
    'user_metadata', coalesce(u.raw_user_meta_data, '{}'),
    'identities', coalesce((
      select jsonb_agg(jsonb_build_object(
        'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id,
        'identity_data', i.identity_data, 'provider', i.provider, 'email', i.email,
        'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at, 'updated_at', i.updated_at
      ) order by i.created_at)
      from auth.identities as i
      where i.user_id = u.id
    ), '[]')
  ) as "user"`;

async function read(sql: Sql | TransactionSql, id: string): Promise<Row> {
  const [row] = await sql.unsafe<{ user: Row }[]>(
    `select ${shape} from auth.users as u where u.id = $1`,
    [id],
  );
  if (!row) throw noUser();
  return row.user;
}

async function list(sql: Sql, url: URL): Promise<Response> {
  const page = positive(url.searchParams.get("page"), 1);
  const perPage = positive(url.searchParams.get("per_page"), 50);
  const offset = (page - 1) * perPage;
  const [row] = await sql.unsafe<{ users: Row[]; total: number }[]>(
    `with page as (
       select u.created_at, u.id, ${shape}
       from auth.users as u
       order by u.created_at desc, u.id
       limit $1::int offset $2::int
     )
     select
       (select count(*)::int from auth.users) as total,
       coalesce((select json_agg("user" order by created_at desc, id) from page), '[]') as users`,
    [perPage, offset],
  );
  const total = row?.total ?? 0;
  const last = Math.max(1, Math.ceil(total / perPage));
  const link = (to: number, rel: string) => {
    const query = new URLSearchParams({ page: String(to), per_page: String(perPage) });
    return `<${url.pathname}?${query}>; rel="${rel}"`;
  };
  const links = [...(page < last ? [link(page + 1, "next")] : []), link(last, "last")];
  return Response.json(
    { users: row?.users ?? [], aud: "authenticated" },
    { headers: { "x-total-count": String(total), link: links.join(", ") } },
  );
}

function positive(text: string | null, fallback: number): number {
  if (text === null || text === "") return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1 && value < 1e6) return value;
  throw new AuthProblem(400, "validation_failed", "Bad Pagination Parameters");
}

async function create(sql: Sql, wanted: Attributes): Promise<Row> {
  if (!wanted.email && !wanted.phone)
    throw new AuthProblem(
      400,
      "validation_failed",
      "Cannot create a user without either an email or phone",
    );
  const id = wanted.id ?? randomUUID();
  const email = wanted.email?.toLowerCase() ?? null;
  const password = await passwordHash(wanted);
  const providers = [...(email ? ["email"] : []), ...(wanted.phone ? ["phone"] : [])];
  const appMetadata = { provider: providers[0], providers, ...wanted.app_metadata };
  const userMetadata = {
    ...wanted.user_metadata,
    ...(email ? { email_verified: wanted.email_confirm ?? false } : {}),
  };
  return unlessTaken(() =>
    sql.begin(async (tx) => {
      await tx`
        insert into auth.users (
          id, email, phone, role, encrypted_password, email_confirmed_at, phone_confirmed_at,
          raw_app_meta_data, raw_user_meta_data, banned_until
        ) values (
          ${id}, ${email}, ${wanted.phone ?? null}, ${wanted.role ?? "authenticated"}, ${password},
          ${wanted.email_confirm ? new Date().toISOString() : null},
          ${wanted.phone_confirm ? new Date().toISOString() : null},
          ${tx.json(appMetadata as JSONValue)}, ${tx.json(userMetadata as JSONValue)},
          ${bannedUntil(wanted.ban_duration) ?? null}
        )`;
      for (const provider of providers) {
        const data =
          provider === "email"
            ? { sub: id, email, email_verified: false, phone_verified: false }
            : { sub: id, phone: wanted.phone, email_verified: false, phone_verified: false };
        await tx`
          insert into auth.identities (id, provider, provider_id, user_id, identity_data)
          values (${randomUUID()}, ${provider}, ${id}, ${id}, ${tx.json(data as JSONValue)})`;
      }
      return read(tx, id);
    }),
  );
}

async function update(sql: Sql, id: string, wanted: Attributes): Promise<Row> {
  const email = wanted.email?.toLowerCase() ?? null;
  const password = await passwordHash(wanted);
  const banned = bannedUntil(wanted.ban_duration);
  const json = (value: object | undefined) =>
    value === undefined ? null : sql.json(value as JSONValue);
  return unlessTaken(() =>
    sql.begin(async (tx) => {
      const changed = await tx`
        update auth.users as u set
          email = coalesce(${email}, u.email),
          phone = coalesce(${wanted.phone ?? null}, u.phone),
          role = coalesce(${wanted.role ?? null}, u.role),
          encrypted_password = coalesce(${password}, u.encrypted_password),
          email_confirmed_at = case when ${wanted.email_confirm ?? false}
            then coalesce(u.email_confirmed_at, now()) else u.email_confirmed_at end,
          phone_confirmed_at = case when ${wanted.phone_confirm ?? false}
            then coalesce(u.phone_confirmed_at, now()) else u.phone_confirmed_at end,
          raw_app_meta_data = jsonb_strip_nulls(
            coalesce(u.raw_app_meta_data, '{}') || coalesce(${json(wanted.app_metadata)}::jsonb, '{}')),
          raw_user_meta_data = jsonb_strip_nulls(
            coalesce(u.raw_user_meta_data, '{}') || coalesce(${json(wanted.user_metadata)}::jsonb, '{}')),
          banned_until = case when ${banned !== undefined}
            then ${banned ?? null}::timestamptz else u.banned_until end,
          updated_at = now()
        where u.id = ${id}`;
      if (changed.count === 0) throw noUser();
      if (email)
        await tx`
          update auth.identities
          set identity_data = identity_data || jsonb_build_object('email', ${email}::text)
          where user_id = ${id} and provider = 'email'`;
      return read(tx, id);
    }),
  );
}

async function remove(sql: Sql, id: string, body: string): Promise<Response> {
  if (/"should_soft_delete"\s*:\s*true/.test(body))
    throw new AuthProblem(
      422,
      "not_implemented",
      "Soft deletion is not offered by the embedded Auth.",
    );
  const deleted = await sql.begin(async (tx) => {
    await tx`delete from auth.refresh_tokens where user_id = ${id}`;
    return tx`delete from auth.users where id = ${id}`;
  });
  if (deleted.count === 0) throw noUser();
  return Response.json({});
}

async function passwordHash(wanted: Attributes): Promise<string | null> {
  if (wanted.password_hash) return wanted.password_hash;
  if (wanted.password === undefined) return null;
  if (wanted.password.length < 6)
    throw new AuthProblem(422, "weak_password", "Password should be at least 6 characters.");
  return hash(wanted.password, bcryptRounds);
}

/** Milliseconds of a Go duration, such as `24h`. `none` lifts a ban. */
function bannedUntil(duration: string | undefined): string | null | undefined {
  if (duration === undefined) return undefined;
  if (duration === "none") return null;
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([text]) => text).join("") !== duration)
    throw new AuthProblem(400, "validation_failed", `invalid format for ban duration: ${duration}`);
  const ms = parts.reduce((sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ""] ?? 0), 0);
  return new Date(Date.now() + ms).toISOString();
}

async function unlessTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof postgres.PostgresError) || error.code !== "23505") throw error;
    if (error.constraint_name === "users_phone_key")
      throw new AuthProblem(
        422,
        "phone_exists",
        "A user with this phone number has already been registered",
      );
    if (error.constraint_name === "users_email_partial_key")
      throw new AuthProblem(
        422,
        "email_exists",
        "A user with this email address has already been registered",
      );
    throw new AuthProblem(
      422,
      "user_already_exists",
      "A user with this id has already been registered",
    );
  }
}
