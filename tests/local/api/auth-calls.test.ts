import type { AuthError, SupabaseClient, SupportedStorage } from "@supabase/supabase-js";
import { createClient } from "@supabase/supabase-js";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rowsOf } from "./compatibility.ts";
import { openProject, type Project } from "./harness.ts";

let project: Project;
beforeAll(async () => {
  project = await openProject("");
});
afterAll(() => project.close());

const password = "correct horse battery";
const address = () => `p-${crypto.randomUUID()}@example.com`;
const anyone = () => project.client(project.keys.publishableKey);
const secret = () => project.client(project.keys.secretKey);

/** A client with `flowType: "pkce"`, as server-side rendering has it. */
function pkceClient(): SupabaseClient {
  const kept = new Map<string, string>();
  const storage: SupportedStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
  return createClient(project.url, project.keys.publishableKey, {
    auth: { flowType: "pkce", storage, autoRefreshToken: false, detectSessionInUrl: false },
  });
}

async function person(client = anyone()) {
  const email = address();
  const { data, error } = await client.auth.signUp({ email, password });
  expect(error).toBeNull();
  return { client, email, id: data.user?.id ?? "", session: data.session };
}

/** The last mail to this address: its code and its link. */
function mailTo(email: string) {
  const mail = project.logged.findLast((line) => line.includes(`A mail to ${email}:`)) ?? "";
  const link = /http[^\s"\\]+\/verify\?[^\s"\\]+/.exec(mail)?.[0] ?? "";
  return { code: /\b\d{6}\b/.exec(mail)?.[0] ?? "", link, query: new URL(link).searchParams };
}
async function follow(link: string) {
  const answer = await fetch(link, { redirect: "manual" });
  expect(answer.status).toBe(303);
  const url = new URL(answer.headers.get("location") ?? "");
  return { url, fragment: new URLSearchParams(url.hash.slice(1)) };
}

describe("one-time codes and links", () => {
  it("of type email are taken as code and as hash", async () => {
    const { email } = await person();
    await anyone().auth.signInWithOtp({ email });
    const byCode = await anyone().auth.verifyOtp({
      email,
      token: mailTo(email).code,
      type: "email",
    });
    expect(byCode.error).toBeNull();
    expect(byCode.data.user?.email).toBe(email);
    expect(decodeJwt(byCode.data.session?.access_token ?? "").amr).toMatchObject([
      { method: "otp" },
    ]);
    await anyone().auth.signInWithOtp({ email });
    const token_hash = mailTo(email).query.get("token") ?? "";
    const byHash = await anyone().auth.verifyOtp({ token_hash, type: "email" });
    expect(byHash.data.user?.email).toBe(email);
    const again = await anyone().auth.verifyOtp({ token_hash, type: "email" });
    expect(again.error).toMatchObject({ status: 403, code: "otp_expired" });
  });

  it("link to the page that was asked for", async () => {
    const { email } = await person();
    const emailRedirectTo = "http://127.0.0.1:5173/inside?x=1";
    await anyone().auth.signInWithOtp({ email, options: { emailRedirectTo } });
    const { link } = mailTo(email);
    expect(link).toMatch(`${project.url}/auth/v1/verify?`);
    const { url, fragment } = await follow(link);
    expect(url.href.split("#")[0]).toBe(emailRedirectTo);
    expect(fragment.get("access_token")).toBeTruthy();
    await anyone().auth.signInWithOtp({
      email,
      options: { emailRedirectTo: "https://elsewhere.example/" },
    });
    expect((await follow(mailTo(email).link)).url.origin).toBe("http://127.0.0.1:3000");
  });

  it("of a PKCE client give a code, which its verifier alone exchanges for a session, once", async () => {
    const { email } = await person();
    const client = pkceClient();
    expect((await client.auth.signInWithOtp({ email })).error).toBeNull();
    const { url, fragment } = await follow(mailTo(email).link);
    const code = url.searchParams.get("code") ?? "";
    expect(code).not.toBe("");
    expect(fragment.get("access_token")).toBeNull();
    const other = pkceClient();
    await other.auth.signInWithOtp({ email: address() });
    expect((await other.auth.exchangeCodeForSession(code)).error).not.toBeNull();
    const { data, error } = await client.auth.exchangeCodeForSession(code);
    expect(error).toBeNull();
    expect(data.user?.email).toBe(email);
    expect(decodeJwt(data.session?.access_token ?? "")).toMatchObject({
      email,
      iss: `${project.url}/auth/v1`,
      amr: [{ method: "magiclink" }],
    });
    await other.auth.signInWithOtp({ email: address() });
    expect((await other.auth.exchangeCodeForSession(code)).error?.code).toBe(
      "flow_state_not_found",
    );
    const used = await follow(mailTo(email).link);
    expect(used.url.searchParams.get("error_code")).toBe("otp_expired");
  });

  it("of a PKCE client to reset a password open a session in which it can be set", async () => {
    const { email } = await person();
    const client = pkceClient();
    await client.auth.resetPasswordForEmail(email, { redirectTo: "http://127.0.0.1:3000/reset" });
    const { url } = await follow(mailTo(email).link);
    expect(url.pathname).toBe("/reset");
    const { data } = await client.auth.exchangeCodeForSession(url.searchParams.get("code") ?? "");
    expect(decodeJwt(data.session?.access_token ?? "").amr).toMatchObject([{ method: "recovery" }]);
    const changed = await client.auth.updateUser({ password: "another one entirely" });
    expect(changed.error).toBeNull();
    const signedIn = await anyone().auth.signInWithPassword({
      email,
      password: "another one entirely",
    });
    expect(signedIn.error).toBeNull();
    // The hash of a link can be verified by the client as well.
    await client.auth.resetPasswordForEmail(email);
    const token_hash = mailTo(email).query.get("token") ?? "";
    expect(token_hash).toMatch(/^pkce_/);
    const verified = await client.auth.verifyOtp({ token_hash, type: "recovery" });
    expect(verified.data.user?.email).toBe(email);
  });

  it("for a change of address go to the new one and to the present one, and either confirms it", async () => {
    for (const opened of ["new", "present"] as const)
      for (const by of ["link", "code"] as const) {
        const { client, email } = await person();
        const next = address();
        const { data, error } = await client.auth.updateUser({ email: next });
        expect(error).toBeNull();
        expect(data.user).toMatchObject({ email, new_email: next });
        const mail = mailTo(opened === "new" ? next : email);
        if (by === "link") await follow(mail.link);
        else
          await anyone().auth.verifyOtp({
            email: opened === "new" ? next : email,
            token: mail.code,
            type: "email_change",
          });
        const signedIn = await anyone().auth.signInWithPassword({ email: next, password });
        expect(signedIn.error, `${opened} ${by}`).toBeNull();
        expect(signedIn.data.user?.identities?.[0]?.identity_data?.email).toBe(next);
        const old = await anyone().auth.signInWithPassword({ email, password });
        expect(old.error?.code).toBe("invalid_credentials");
      }
  });
});

/** GoTrue's form of an error: what is not there says so. */
const no = (code: string) => (error: AuthError | null) => {
  expect(error).toMatchObject({ code, name: "AuthApiError" });
  expect(error?.message).toMatch(/disabled|not enabled|not found|not offered|Unsupported/i);
};
type Answer = { error: AuthError | null };
type Call = [
  name: string,
  ask: () => Promise<Answer | undefined>,
  refused?: (error: AuthError | null) => void,
];
const uuid = "00000000-0000-4000-8000-000000000000";

/** Every call of supabase-js's Auth client: it works, or it says no. */
const calls: Call[] = [
  ["signUp({ email })", async () => anyone().auth.signUp({ email: address(), password })],
  [
    "signUp({ phone })",
    () => anyone().auth.signUp({ phone: "+15550100", password }),
    no("phone_provider_disabled"),
  ],
  ["signInAnonymously", () => anyone().auth.signInAnonymously(), no("anonymous_provider_disabled")],
  [
    "signInWithPassword({ email })",
    async () => anyone().auth.signInWithPassword({ email: (await person()).email, password }),
  ],
  [
    "signInWithPassword({ phone })",
    () => anyone().auth.signInWithPassword({ phone: "+15550100", password }),
    no("phone_provider_disabled"),
  ],
  ["signInWithOtp({ email })", () => anyone().auth.signInWithOtp({ email: address() })],
  [
    "signInWithOtp({ phone })",
    () => anyone().auth.signInWithOtp({ phone: "+15550100" }),
    no("phone_provider_disabled"),
  ],
  [
    "signInWithOAuth",
    async () => {
      const { data } = await anyone().auth.signInWithOAuth({
        provider: "github",
        options: { skipBrowserRedirect: true },
      });
      const answer = await fetch(data.url ?? "", { redirect: "manual" });
      expect([answer.status, await answer.json()]).toMatchObject([
        400,
        { error_code: "validation_failed", msg: "Unsupported provider: provider is not enabled" },
      ]);
      return undefined;
    },
    () => undefined,
  ],
  [
    "signInWithSSO",
    () => anyone().auth.signInWithSSO({ domain: "x.example" }),
    no("saml_provider_disabled"),
  ],
  [
    "signInWithIdToken",
    () => anyone().auth.signInWithIdToken({ provider: "google", token: "x" }),
    no("provider_disabled"),
  ],
  [
    "signInWithWeb3",
    () =>
      anyone().auth.signInWithWeb3({
        chain: "solana",
        message: "m",
        signature: new Uint8Array(64),
      }),
    no("web3_provider_disabled"),
  ],
  ["signInWithPasskey", async () => passkey("authentication/options"), no("passkey_disabled")],
  ["registerPasskey", async () => passkey("registration/options"), no("passkey_disabled")],
  ["passkey.*", async () => passkey(""), no("passkey_disabled")],
  [
    "verifyOtp({ email })",
    async () => {
      const { email } = await person();
      await anyone().auth.signInWithOtp({ email });
      return anyone().auth.verifyOtp({ email, token: mailTo(email).code, type: "email" });
    },
  ],
  [
    "verifyOtp({ phone })",
    () => anyone().auth.verifyOtp({ phone: "+15550100", token: "123456", type: "sms" }),
    no("phone_provider_disabled"),
  ],
  ['resend({ type: "signup" })', () => anyone().auth.resend({ type: "signup", email: address() })],
  [
    'resend({ type: "sms" })',
    () => anyone().auth.resend({ type: "sms", phone: "+15550100" }),
    no("phone_provider_disabled"),
  ],
  ["resetPasswordForEmail", () => anyone().auth.resetPasswordForEmail(address())],
  [
    "exchangeCodeForSession",
    async () => {
      const { email } = await person();
      const client = pkceClient();
      await client.auth.signInWithOtp({ email });
      const { url } = await follow(mailTo(email).link);
      return client.auth.exchangeCodeForSession(url.searchParams.get("code") ?? "");
    },
  ],
  [
    "getSession, setSession, refreshSession, onAuthStateChange",
    async () => {
      const { session } = await person();
      const client = anyone();
      const events: string[] = [];
      client.auth.onAuthStateChange((event) => void events.push(event));
      const set = await client.auth.setSession({
        access_token: session?.access_token ?? "",
        refresh_token: session?.refresh_token ?? "",
      });
      expect(set.error).toBeNull();
      const refreshed = await client.auth.refreshSession();
      expect((await client.auth.getSession()).data.session).toEqual(refreshed.data.session);
      expect(events).toContain("TOKEN_REFRESHED");
      return refreshed;
    },
  ],
  ["getUser", async () => (await person()).client.auth.getUser()],
  [
    "getClaims",
    async () => {
      const { client, email } = await person();
      const { data, error } = await client.auth.getClaims();
      expect(data?.claims.email).toBe(email);
      return { error };
    },
  ],
  [
    "getUserIdentities",
    async () => {
      const answer = await (await person()).client.auth.getUserIdentities();
      expect(answer.data?.identities).toHaveLength(1);
      return answer;
    },
  ],
  [
    "updateUser({ data, password, email })",
    async () => {
      const { client } = await person();
      const answer = await client.auth.updateUser({
        data: { nick: "jo" },
        password: "another one entirely",
        email: address(),
      });
      expect(answer.data.user?.user_metadata.nick).toBe("jo");
      return answer;
    },
  ],
  [
    "updateUser({ phone })",
    async () => (await person()).client.auth.updateUser({ phone: "+15550100" }),
    no("phone_provider_disabled"),
  ],
  ["reauthenticate", async () => (await person()).client.auth.reauthenticate()],
  [
    "linkIdentity",
    async () =>
      (await person()).client.auth.linkIdentity({
        provider: "github",
        options: { skipBrowserRedirect: true },
      }),
    no("manual_linking_disabled"),
  ],
  [
    "unlinkIdentity",
    async () => {
      const { client } = await person();
      const { data } = await client.auth.getUserIdentities();
      const [identity] = data?.identities ?? [];
      if (!identity) throw new Error("no identity");
      return client.auth.unlinkIdentity(identity);
    },
    no("manual_linking_disabled"),
  ],
  [
    "signOut",
    async () => {
      const { client, email } = await person();
      const other = anyone();
      await other.auth.signInWithPassword({ email, password });
      expect((await client.auth.signOut({ scope: "others" })).error).toBeNull();
      expect((await other.auth.getUser()).error).not.toBeNull();
      expect((await client.auth.getUser()).error).toBeNull();
      return client.auth.signOut({ scope: "global" });
    },
  ],
  [
    "mfa.enroll",
    async () => (await person()).client.auth.mfa.enroll({ factorType: "totp" }),
    no("mfa_totp_enroll_not_enabled"),
  ],
  [
    "mfa.challenge, verify, challengeAndVerify",
    async () =>
      (await person()).client.auth.mfa.challengeAndVerify({ factorId: uuid, code: "123456" }),
    no("mfa_factor_not_found"),
  ],
  [
    "mfa.unenroll",
    async () => (await person()).client.auth.mfa.unenroll({ factorId: uuid }),
    no("mfa_factor_not_found"),
  ],
  [
    "mfa.listFactors, getAuthenticatorAssuranceLevel",
    async () => {
      const { client } = await person();
      expect((await client.auth.mfa.listFactors()).data?.all).toEqual([]);
      const level = await client.auth.mfa.getAuthenticatorAssuranceLevel();
      expect(level.data).toMatchObject({ currentLevel: "aal1", nextLevel: "aal1" });
      return level;
    },
  ],
  [
    "oauth.*",
    async () => (await person()).client.auth.oauth.getAuthorizationDetails(uuid),
    no("feature_disabled"),
  ],
  ["admin.createUser", () => secret().auth.admin.createUser({ email: address() })],
  ["admin.getUserById", async () => secret().auth.admin.getUserById((await person()).id)],
  [
    "admin.updateUserById",
    async () =>
      secret().auth.admin.updateUserById((await person()).id, { user_metadata: { a: 1 } }),
  ],
  ["admin.listUsers", () => secret().auth.admin.listUsers({ page: 1, perPage: 1 })],
  ["admin.deleteUser", async () => secret().auth.admin.deleteUser((await person()).id)],
  [
    "admin.deleteUser(id, true)",
    async () => secret().auth.admin.deleteUser((await person()).id, true),
    no("not_implemented"),
  ],
  [
    "admin.signOut",
    async () => {
      const { client, session } = await person();
      const answer = await secret().auth.admin.signOut(session?.access_token ?? "");
      expect((await client.auth.getUser()).error).not.toBeNull();
      return answer as Answer;
    },
  ],
  [
    "admin.inviteUserByEmail",
    () => secret().auth.admin.inviteUserByEmail(address()),
    no("not_implemented"),
  ],
  [
    "admin.generateLink",
    () => secret().auth.admin.generateLink({ type: "magiclink", email: address() }),
    no("not_implemented"),
  ],
  [
    "admin.mfa.*",
    () => secret().auth.admin.mfa.listFactors({ userId: uuid }),
    no("not_implemented"),
  ],
  [
    "admin.oauth.*",
    () => secret().auth.admin.oauth.listClients() as Promise<Answer>,
    no("not_implemented"),
  ],
  [
    "admin.customProviders.*",
    () => secret().auth.admin.customProviders.listProviders() as Promise<Answer>,
    no("not_implemented"),
  ],
];

async function passkey(path: string): Promise<Answer> {
  const answer = await fetch(`${project.url}/auth/v1/passkeys/${path}`, {
    method: "POST",
    headers: { apikey: project.keys.publishableKey },
  });
  const { error_code, msg } = (await answer.json()) as { error_code: string; msg: string };
  return { error: { name: "AuthApiError", code: error_code, message: msg } as AuthError };
}

describe("each call of supabase-js's Auth", () => {
  it.each(calls)("%s", async (_name, ask, refused) => {
    const answer = await ask();
    if (refused) refused(answer?.error ?? null);
    else expect(answer?.error).toBeNull();
  });

  it("stands in the table with what it does", async () => {
    const verdicts = calls.map(([name, , refused]) => [name, refused ? "says no" : "works"]);
    expect(await rowsOf("Auth")).toEqual(verdicts);
  });

  it("is one of the table's, and the table has them all", () => {
    const client = anyone().auth;
    const named = calls.map(([name]) => name).join(" ");
    const own = Object.getOwnPropertyNames(Object.getPrototypeOf(client)).filter(
      (name) => /^[a-z]/.test(name) && name !== "constructor",
    );
    // What asks nothing of the server.
    const local = /^(initialize|dispose|startAutoRefresh|stopAutoRefresh|isThrowOnErrorEnabled)$/;
    for (const name of own.filter((each) => !local.test(each))) expect(named).toContain(name);
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(client.admin)))
      if (/^(?!constructor)[a-z]/.test(name)) expect(named).toContain(`admin.${name}`);
  });
});

it("what Auth does not know is answered in GoTrue's form", async () => {
  for (const path of ["/nothing", "/admin/nothing", "/.well-known/oauth-authorization-server"]) {
    const answer = await fetch(`${project.url}/auth/v1${path}`, {
      headers: { apikey: project.keys.secretKey },
    });
    expect(await answer.json(), path).toMatchObject({
      code: answer.status,
      error_code: expect.any(String),
      msg: expect.any(String),
    });
    expect([401, 404]).toContain(answer.status);
  }
});
