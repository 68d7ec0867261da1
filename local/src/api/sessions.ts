import type { Sql } from "postgres";
import type { Claims, Tokens } from "../tokens.ts";
import { AuthProblem } from "./auth-answers.ts";

/** Turns lite's tokens for people's sessions into tokens like those of a hosted project. */
export interface Sessions {
  /**
   * lite's answer with its access token signed again by the project. The token may be in a JSON
   * body or in the fragment of a redirect.
   * @throws AuthProblem for a banned user
   */
  reissue(response: Response, method: string): Promise<Response>;
}

interface SessionRow {
  email: string | null;
  phone: string | null;
  app_metadata: Record<string, unknown> | null;
  user_metadata: Record<string, unknown> | null;
  is_anonymous: boolean;
  banned: boolean;
  amr: Array<{ method: string; timestamp: number }>;
}

/**
 * lite's tokens have iat, exp, aud, role, sub, email and session_id. The other claims come from the
 * database.
 */
export function createSessions(options: {
  sql: Sql;
  tokens: Tokens;
  publicUrl: () => string;
}): Sessions {
  const { sql, tokens, publicUrl } = options;

  const sign = async (issued: string, method: string): Promise<string> => {
    const claims = payloadOf(issued);
    const session = String(claims.session_id);
    const user = await readSession(sql, String(claims.sub), session, method);
    if (user?.banned) {
      // lite does not check bans, so it has just begun or renewed the session of a banned user. End
      // that session here.
      await sql`delete from auth.sessions where id = ${session}`;
      throw new AuthProblem(400, "user_banned", "User is banned");
    }
    return tokens.sign({
      iss: `${publicUrl()}/auth/v1`,
      sub: String(claims.sub),
      aud: claims.aud ?? "authenticated",
      exp: Number(claims.exp),
      iat: Number(claims.iat),
      email: user?.email ?? "",
      phone: user?.phone ?? "",
      app_metadata: user?.app_metadata ?? {},
      user_metadata: user?.user_metadata ?? {},
      role: claims.role ?? "authenticated",
      aal: "aal1",
      amr: user?.amr ?? [],
      session_id: session,
      is_anonymous: user?.is_anonymous ?? false,
    });
  };

  return {
    async reissue(response, method) {
      const location = response.headers.get("location");
      if (location?.includes("#access_token=")) {
        const [page, fragment] = location.split("#", 2);
        const values = new URLSearchParams(fragment);
        values.set("access_token", await sign(values.get("access_token") ?? "", method));
        const headers = new Headers(response.headers);
        headers.set("location", `${page}#${values}`);
        return new Response(null, { status: response.status, headers });
      }
      if (!response.headers.get("content-type")?.includes("json")) return response;
      const body: unknown = await response.clone().json();
      if (!hasToken(body)) return response;
      body.access_token = await sign(body.access_token, method);
      const headers = new Headers(response.headers);
      headers.delete("content-length");
      return new Response(JSON.stringify(body), { status: response.status, headers });
    },
  };
}

const hasToken = (body: unknown): body is { access_token: string } =>
  typeof body === "object" &&
  body !== null &&
  "access_token" in body &&
  typeof body.access_token === "string";

/** The claims of a token. Does not verify the token, because lite has just made it. */
function payloadOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

/**
 * Records how a session began when it gets its first token. Later tokens of the session contain this too.
 */
async function readSession(
  sql: Sql,
  user: string,
  session: string,
  method: string,
): Promise<SessionRow | undefined> {
  const [row] = await sql<SessionRow[]>`
    with begun as (
      insert into auth.mfa_amr_claims (session_id, authentication_method)
      select ${session}, ${method}
      where not exists (select from auth.mfa_amr_claims where session_id = ${session})
      on conflict do nothing
      returning authentication_method, created_at
    ),
    amr as (
      select * from begun
      union all
      select authentication_method, created_at
      from auth.mfa_amr_claims
      where session_id = ${session}
    )
    select u.email, u.phone, u.raw_app_meta_data as app_metadata,
      u.raw_user_meta_data as user_metadata, u.is_anonymous,
      coalesce(u.banned_until > now(), false) as banned,
      (
        select coalesce(
          json_agg(json_build_object(
            'method', authentication_method,
            'timestamp', extract(epoch from created_at)::bigint
          ) order by created_at desc),
          '[]'
        )
        from amr
      ) as amr
    from auth.users as u
    where u.id = ${user}
  `;
  return row;
}
