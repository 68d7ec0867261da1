import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { calls } from "./auth-calls.ts";
import {
  address,
  anyone,
  follow,
  mailTo,
  password,
  person,
  pkceClient,
  project,
  setUp,
} from "./auth-people.ts";
import { rowsOf } from "./compatibility.ts";

setUp();

describe("one-time codes and links", () => {
  it("of type email are accepted as code and as hash", async () => {
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

  it("link to the requested page", async () => {
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

  it("of a PKCE client return a code, which only its verifier can exchange for a session, once", async () => {
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

  it("of a PKCE client that reset a password open a session in which a new password can be set", async () => {
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
    // The client can also verify the hash of a link.
    await client.auth.resetPasswordForEmail(email);
    const token_hash = mailTo(email).query.get("token") ?? "";
    expect(token_hash).toMatch(/^pkce_/);
    const verified = await client.auth.verifyOtp({ token_hash, type: "recovery" });
    expect(verified.data.user?.email).toBe(email);
  });

  it("for a change of address go to the new and the current address, and either confirms it", async () => {
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

describe("each call of supabase-js's Auth", () => {
  it.each(calls)("%s", async (_name, ask, refused) => {
    const answer = await ask();
    if (refused) refused(answer?.error ?? null);
    else expect(answer?.error).toBeNull();
  });

  it("is in the table with what it does", async () => {
    const verdicts = calls.map(([name, , refused]) => [name, refused ? "says no" : "works"]);
    expect(await rowsOf("Auth")).toEqual(verdicts);
  });

  it("of the client's own methods is tried here, if it sends something to the server", () => {
    const client = anyone().auth;
    const named = calls.map(([name]) => name).join(" ");
    const own = Object.getOwnPropertyNames(Object.getPrototypeOf(client)).filter(
      (name) => /^[a-z]/.test(name) && name !== "constructor",
    );
    // Calls that send nothing to the server.
    const local = /^(initialize|dispose|startAutoRefresh|stopAutoRefresh|isThrowOnErrorEnabled)$/;
    for (const name of own.filter((each) => !local.test(each))) expect(named).toContain(name);
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(client.admin)))
      if (/^(?!constructor)[a-z]/.test(name)) expect(named).toContain(`admin.${name}`);
  });
});

it("unknown requests to Auth are answered in GoTrue's form", async () => {
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
