import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProject, type Project } from "./harness.ts";

const sql = `
  create table profiles (id uuid primary key references auth.users (id) on delete cascade, email text, nick text);
  alter table profiles enable row level security;
  create policy own on profiles using ((select auth.uid()) = id);
  create function public.handle_new_user() returns trigger
  language plpgsql security definer set search_path = '' as $$
  begin
    insert into public.profiles (id, email, nick)
    values (new.id, new.email, new.raw_user_meta_data ->> 'nick');
    return new;
  end $$;
  create trigger on_auth_user_created after insert on auth.users
    for each row execute function public.handle_new_user();
`;

let project: Project;
beforeAll(async () => {
  project = await openProject(sql);
});
afterAll(() => project.close());

const anyone = () => project.client(project.keys.publishableKey);
const secret = () => project.client(project.keys.secretKey);
const address = () => `p-${crypto.randomUUID()}@example.com`;
const password = "correct horse battery";

describe("a person", () => {
  it("signs up, gets a session like a hosted one, and reads with it", async () => {
    const client = anyone();
    const email = address();
    const { data, error } = await client.auth.signUp({
      email,
      password,
      options: { data: { nick: "jo" } },
    });
    expect(error).toBeNull();
    const token = data.session?.access_token ?? "";
    expect(decodeProtectedHeader(token)).toEqual({
      alg: "ES256",
      kid: project.keys.signingKeys[0]?.kid,
      typ: "JWT",
    });
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({
      iss: `${project.url}/auth/v1`,
      sub: data.user?.id,
      aud: "authenticated",
      role: "authenticated",
      email,
      phone: "",
      aal: "aal1",
      amr: [{ method: "password", timestamp: expect.any(Number) }],
      app_metadata: { provider: "email", providers: ["email"] },
      user_metadata: { nick: "jo" },
      is_anonymous: false,
      session_id: expect.any(String),
    });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(3600);
    const { data: profiles } = await client.from("profiles").select();
    expect(profiles).toEqual([{ id: data.user?.id, email, nick: "jo" }]);
  });

  it("signs in, reads their user, refreshes, changes data, and signs out", async () => {
    const client = anyone();
    const email = address();
    await client.auth.signUp({ email, password });
    const signedIn = await client.auth.signInWithPassword({ email, password });
    const first = signedIn.data.session;
    expect((await client.auth.getUser()).data.user?.email).toBe(email);
    const verified = await client.auth.getClaims();
    expect(verified.data?.claims.email).toBe(email);

    const refreshed = await client.auth.refreshSession();
    expect(refreshed.error).toBeNull();
    const before = decodeJwt(first?.access_token ?? "");
    const after = decodeJwt(refreshed.data.session?.access_token ?? "");
    expect(after.session_id).toBe(before.session_id);
    expect(after.amr).toEqual(before.amr);

    const updated = await client.auth.updateUser({ data: { colour: "blue" } });
    expect(updated.data.user?.user_metadata).toMatchObject({ colour: "blue" });
    expect((await client.auth.signOut()).error).toBeNull();
    const gone = await anyone().auth.getUser(first?.access_token ?? "");
    expect(gone.error).not.toBeNull();
  });

  it("signs in with a link from a mail, with a session like a hosted one", async () => {
    const email = address();
    await anyone().auth.signUp({ email, password });
    expect((await anyone().auth.resetPasswordForEmail(email)).error).toBeNull();
    const mail = project.logged.findLast((line) => line.includes(email)) ?? "";
    const query = /\/verify\?([^\s"\\]+)/.exec(mail)?.[1];
    const answer = await fetch(`${project.url}/auth/v1/verify?${query}`, { redirect: "manual" });
    const values = new URLSearchParams(answer.headers.get("location")?.split("#")[1]);
    const token = values.get("access_token") ?? "";
    expect(decodeProtectedHeader(token).alg).toBe("ES256");
    expect(decodeJwt(token)).toMatchObject({ email, amr: [{ method: "otp" }] });
    const user = await anyone().auth.getUser(token);
    expect(user.data.user?.email).toBe(email);
  });

  it("is refused with GoTrue's words", async () => {
    const email = address();
    await anyone().auth.signUp({ email, password });
    const wrong = await anyone().auth.signInWithPassword({ email, password: "not it at all" });
    expect(wrong.error).toMatchObject({ status: 400, code: "invalid_credentials" });
    const again = await anyone().auth.signUp({ email, password });
    expect(again.error).toMatchObject({ status: 422, code: "user_already_exists" });
    const forged = await anyone().auth.getUser(`${await project.token()}x`);
    expect(forged.error).toMatchObject({ status: 403, code: "bad_jwt" });
    const old = await project.token({ exp: Math.floor(Date.now() / 1000) - 5 });
    expect((await anyone().auth.getUser(old)).error).toMatchObject({ code: "bad_jwt" });
  });
});

describe("Auth", () => {
  it("publishes its public keys, its settings and its health", async () => {
    const get = async (path: string) =>
      (
        await fetch(`${project.url}/auth/v1${path}`, {
          headers: { apikey: project.keys.publishableKey },
        })
      ).json();
    const jwks = await (await fetch(`${project.url}/auth/v1/.well-known/jwks.json`)).json();
    expect(jwks).toEqual(project.tokens.jwks);
    expect(JSON.stringify(jwks)).not.toContain('"d"');
    expect(await get("/settings")).toMatchObject({
      disable_signup: false,
      mailer_autoconfirm: true,
    });
    expect(await get("/health")).toMatchObject({ name: "GoTrue" });
    expect((await fetch(`${project.url}/auth/v1/settings`)).status).toBe(401);
  });
});

describe("the admin API", () => {
  it("creates a user who can sign in, changes and deletes them", async () => {
    const { admin } = secret().auth;
    const email = address();
    const created = await admin.createUser({
      email,
      password,
      email_confirm: true,
      user_metadata: { nick: "jo" },
      app_metadata: { plan: "pro" },
    });
    expect(created.error).toBeNull();
    const id = created.data.user?.id ?? "";
    expect(created.data.user).toMatchObject({
      email,
      role: "authenticated",
      aud: "authenticated",
      user_metadata: { nick: "jo", email_verified: true },
      app_metadata: { plan: "pro", provider: "email", providers: ["email"] },
      identities: [{ provider: "email", user_id: id, identity_data: { email, sub: id } }],
    });
    const person = anyone();
    const signedIn = await person.auth.signInWithPassword({ email, password });
    expect(signedIn.error).toBeNull();
    expect(decodeJwt(signedIn.data.session?.access_token ?? "")).toMatchObject({
      app_metadata: { plan: "pro" },
    });

    const updated = await admin.updateUserById(id, {
      password: "another one entirely",
      app_metadata: { plan: "free" },
      ban_duration: "1h30m",
    });
    expect(updated.data.user).toMatchObject({
      app_metadata: { plan: "free", provider: "email" },
      banned_until: expect.any(String),
    });
    const banned = await anyone().auth.signInWithPassword({
      email,
      password: "another one entirely",
    });
    expect(banned.error).toMatchObject({ code: "user_banned" });
    await admin.updateUserById(id, { ban_duration: "none" });
    const changed = await anyone().auth.signInWithPassword({
      email,
      password: "another one entirely",
    });
    expect(changed.error).toBeNull();
    expect((await admin.getUserById(id)).data.user?.email).toBe(email);
    expect((await admin.deleteUser(id)).error).toBeNull();
    expect((await admin.getUserById(id)).error).toMatchObject({
      status: 404,
      code: "user_not_found",
    });
    expect((await person.auth.getUser()).error).not.toBeNull();
  });

  it("lists users in pages", async () => {
    const { admin } = secret().auth;
    for (let i = 0; i < 3; i++) await admin.createUser({ email: address(), email_confirm: true });
    const { data, error } = await admin.listUsers({ page: 1, perPage: 2 });
    expect(error).toBeNull();
    expect(data.users).toHaveLength(2);
    expect(data).toMatchObject({ nextPage: 2, total: expect.any(Number) });
  });

  it("refuses a taken address, an unknown user, and callers without the secret key", async () => {
    const { admin } = secret().auth;
    const email = address();
    await admin.createUser({ email });
    expect((await admin.createUser({ email })).error).toMatchObject({
      status: 422,
      code: "email_exists",
    });
    expect((await admin.createUser({ email: "no" })).error).toMatchObject({
      code: "validation_failed",
    });
    const unknown = await admin.deleteUser(crypto.randomUUID());
    expect(unknown.error).toMatchObject({ status: 404, code: "user_not_found" });

    const person = await anyone().auth.signUp({ email: address(), password });
    const token = person.data.session?.access_token ?? "";
    for (const client of [
      anyone(),
      project.client(project.keys.publishableKey, token),
      project.client(project.keys.secretKey, token),
    ]) {
      const answer = await fetch(`${project.url}/auth/v1/admin/users`, {
        headers: {
          apikey: project.keys.publishableKey,
          ...(client === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      });
      expect([answer.status, (await answer.json()).error_code]).toEqual([403, "not_admin"]);
    }
    expect((await anyone().auth.admin.listUsers()).error).toMatchObject({ code: "not_admin" });
    const service = await project.tokens.sign({
      role: "service_role",
      exp: Math.floor(Date.now() / 1000) + 60,
    });
    const allowed = await fetch(`${project.url}/auth/v1/admin/users`, {
      headers: { apikey: project.keys.publishableKey, authorization: `Bearer ${service}` },
    });
    expect(allowed.status).toBe(200);
  });

  it("says what it does not offer", async () => {
    const { error } = await secret().auth.admin.inviteUserByEmail(address());
    expect(error).toMatchObject({ status: 422, code: "not_implemented" });
  });
});

describe("the schema auth", () => {
  it("belongs to the Auth server, is readable by postgres, and is closed to the API's roles", async () => {
    const [row] = await project.owner`
      select (select count(*)::int from auth.users) >= 0 as reads,
        has_table_privilege('authenticated', 'auth.users', 'select') as leaks,
        has_function_privilege('anon', 'auth.uid()', 'execute') as calls,
        (select tableowner from pg_tables where schemaname = 'auth' and tablename = 'users') as owner`;
    expect(row).toEqual({ reads: true, leaks: false, calls: true, owner: "supabase_auth_admin" });
  });
});
