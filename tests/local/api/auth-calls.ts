import type { AuthError } from "@supabase/supabase-js";
import { expect } from "vitest";
import {
  address,
  anyone,
  follow,
  mailTo,
  password,
  person,
  pkceClient,
  project,
  secret,
} from "./auth-people.ts";

/** Expects an error in GoTrue's form, whose message says that a part is missing or disabled. */
export const no = (code: string) => (error: AuthError | null) => {
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

/** Every call of supabase-js's Auth client: it works, or it is refused. */
export const calls: Call[] = [
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
