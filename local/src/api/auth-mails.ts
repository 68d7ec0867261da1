import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, randomInt, randomUUID } from "node:crypto";
import type { EmailMessage } from "@supabase/lite";
import type { Sql } from "postgres";
import type { Logger } from "../log.ts";
import type { AuthCall } from "./auth-absent.ts";
import { AuthProblem } from "./auth-answers.ts";

/** The mails of Auth, and what happens when a link in one is opened. Mails are logged, not sent. */
export interface Mails {
  send(mail: EmailMessage): Promise<void>;
  /** Runs a step that may send a mail for this request. */
  during<T>(call: AuthCall, work: () => Promise<T>): Promise<T>;
  /**
   * Sends a mail to a user's current address when a new address was requested. The change can be confirmed
   * from either address.
   */
  tellPresentAddress(user: string): Promise<void>;
  /**
   * Converts a request with `type=email`, or for a change of address, into a request that lite
   * understands.
   */
  verifying(call: AuthCall): Promise<{ call: AuthCall; flow: string | undefined }>;
  /**
   * Replaces the session in lite's redirect with a code. The client can exchange the code for a
   * session.
   */
  withCode(response: Response, flow: string): Promise<Response>;
  /** How the user got the code that is exchanged here. */
  methodOfCode(code: unknown): Promise<string | undefined>;
}

const methods: Record<string, string> = {
  "/otp": "magiclink",
  "/magiclink": "magiclink",
  "/recover": "recovery",
  "/resend": "email/signup",
  "/user": "email_change",
};
const pkce = /^pkce_([0-9a-f]{32})_(.+)$/;

/** The hash that lite stores. */
const hashOf = (email: string, code: string) =>
  createHash("sha256")
    .update(email.toLowerCase() + code)
    .digest("hex");

export function createMails(options: {
  sql: Sql;
  publicUrl: () => string;
  siteUrl: string;
  log: Logger;
}): Mails {
  const { sql, publicUrl, siteUrl, log } = options;
  const asking = new AsyncLocalStorage<{ redirectTo: string | null; flow: string | undefined }>();

  /**
   * Makes the link for a mail. lite's own link leads to the site instead of Auth, and lacks the
   * requested page and the flow.
   */
  const linked = (link: string): string => {
    const url = new URL(link);
    const { redirectTo = null, flow } = asking.getStore() ?? {};
    const own = new URL(`${publicUrl()}/auth/v1/verify`);
    const token = url.searchParams.get("token") ?? "";
    own.searchParams.set("token", flow ? `pkce_${flow}_${token}` : token);
    own.searchParams.set("type", url.searchParams.get("type") ?? "");
    own.searchParams.set(
      "redirect_to",
      redirectTo ?? url.searchParams.get("redirect_to") ?? siteUrl,
    );
    return own.href;
  };
  const write = (to: string, subject: string, text: string) =>
    log.info(`A mail to ${to}: ${subject}`, { text });
  const links = new RegExp(`${siteUrl.replaceAll(".", "\\.")}/auth/v1/\\S+`, "g");

  /** Begins the flow of a client with `flowType: "pkce"`, which will exchange a code for its session. */
  const begin = async ({ path, body }: AuthCall): Promise<string | undefined> => {
    const challenge = body.code_challenge;
    const method = methods[path];
    if (!method || typeof challenge !== "string" || challenge === "") return undefined;
    const how = String(body.code_challenge_method ?? "").toLowerCase();
    if (!/^[\w.~-]{43,128}$/.test(challenge) || !/^(s256|plain)$/.test(how))
      throw new AuthProblem(
        400,
        "validation_failed",
        "PKCE flow requires code_challenge_method and code_challenge",
      );
    const id = randomUUID();
    await sql`
      with old as (delete from auth.flow_state where created_at < now() - interval '1 day')
      insert into auth.flow_state (
        id, code_challenge, code_challenge_method, authentication_method, provider_type
      ) values (${id}, ${challenge}, ${how}, ${method}, 'email')`;
    return id.replaceAll("-", "");
  };

  return {
    async send(mail) {
      write(mail.to, mail.subject, (mail.text ?? "").replace(links, linked));
    },
    async during(call, work) {
      const flow = await begin(call);
      return asking.run({ redirectTo: call.query.get("redirect_to"), flow }, work);
    },
    async tellPresentAddress(user) {
      const code = String(randomInt(1_000_000)).padStart(6, "0");
      const [row] = await sql<{ email: string }[]>`
        select email from auth.users where id = ${user} and email <> '' and email_change <> ''`;
      if (!row) return;
      const token = hashOf(row.email, code);
      await sql`update auth.users set email_change_token_current = ${token} where id = ${user}`;
      const link = linked(`${siteUrl}/auth/v1/verify?token=${token}&type=email_change`);
      write(
        row.email,
        "Confirm Email Change",
        `Confirm your email change with this code: ${code}\n\nOr follow this link: ${link}`,
      );
    },
    async verifying(call) {
      const of = call.method === "GET" ? call.query : new URLSearchParams(stringsOf(call.body));
      const name = call.method === "GET" ? "token" : "token_hash";
      const [, flow, bare] = pkce.exec(of.get(name) ?? "") ?? [];
      if (bare !== undefined) of.set(name, bare);
      const email = (of.get("email") ?? "").toLowerCase();
      const hash = of.get(name) ?? hashOf(email, of.get("token") ?? "");
      if (of.get("type") === "email") {
        const [row] = await sql`select from auth.users where confirmation_token = ${hash}`;
        of.set("type", row ? "signup" : "magiclink");
      } else if (of.get("type") === "email_change") {
        // Either address may confirm the change, but lite needs the new address's token to complete it.
        await sql`
          update auth.users set email_change_token_new = ${hash}, email_change_token_current = null
          where email_change_token_current = ${hash}`;
        if (!of.get(name)) of.set(name, hash);
      }
      const changed = Object.fromEntries(of);
      const own =
        call.method === "GET"
          ? { ...call, query: of }
          : { ...call, body: { ...call.body, ...changed } };
      return { call: own, flow };
    },
    async withCode(response, flow) {
      const location = response.headers.get("location");
      if (location === null) return response;
      const [page = "", fragment = ""] = location.split("#", 2);
      const values = new URLSearchParams(fragment);
      const url = new URL(page);
      const token = values.get("access_token");
      if (token === null) {
        for (const [name, value] of values) url.searchParams.set(name, value);
        url.hash = fragment;
      } else {
        const { session_id, sub } = JSON.parse(
          Buffer.from(token.split(".")[1] ?? "", "base64url").toString(),
        );
        const code = randomUUID();
        // The session that lite has begun is deleted. The user's session begins only when the client
        // that has the verifier exchanges the code.
        await sql`delete from auth.refresh_tokens where session_id = ${session_id}`;
        await sql`delete from auth.sessions where id = ${session_id}`;
        const issued = await sql`
          update auth.flow_state
          set user_id = ${sub}, auth_code = ${code}, auth_code_issued_at = now(), created_at = now()
          where replace(id::text, '-', '') = ${flow} and auth_code is null`;
        if (issued.count === 1) url.searchParams.set("code", code);
        else {
          url.searchParams.set("error_code", "flow_state_not_found");
          url.searchParams.set("error_description", "No associated flow state found.");
        }
      }
      return new Response(null, { status: 303, headers: { location: url.href } });
    },
    async methodOfCode(code) {
      if (typeof code !== "string") return undefined;
      const [row] = await sql<{ method: string }[]>`
        select authentication_method as method from auth.flow_state where auth_code = ${code}`;
      return row?.method;
    },
  };
}

const stringsOf = (body: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(body).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
