import { randomBytes } from "node:crypto";
import postgres from "postgres";
import type { ProjectKeys } from "../keys.ts";

/** The person whom a one-time link signs in, only in this embedded Supabase. */
export const developerId = "00000000-0000-4000-8000-0000000000de";
const email = "developer@mayfly.local";

/** Signs in the developer of the machine. */
export interface Developer {
  /** A session in the form in which Auth's password grant returns it. */
  signIn(): Promise<unknown>;
  /** Makes the developer a member of every existing tenant. */
  enter(): Promise<void>;
}

/**
 * @param auth answers requests of `/auth/v1`.
 * @param entering SQL that makes the user `$1` a member of every tenant.
 */
export function createDeveloper(options: {
  auth: (request: Request) => Promise<Response>;
  url: string;
  keys: ProjectKeys;
  dbUrl: string;
  entering: string;
}): Developer {
  const { auth, url, keys, dbUrl, entering } = options;

  const call = async (method: string, path: string, key: string, body: object) => {
    const request = new Request(`${url}/auth/v1${path}`, {
      method,
      headers: { apikey: key, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const response = await auth(request);
    return { ok: response.ok, answer: (await response.json()) as unknown };
  };

  return {
    async signIn() {
      // Nobody knows the developer's password, because each sign-in sets a new one.
      const password = randomBytes(24).toString("base64url");
      const user = { email, password, email_confirm: true };
      const secret = keys.secretKey;
      const made = await call("POST", "/admin/users", secret, { id: developerId, ...user });
      if (!made.ok) {
        const changed = await call("PUT", `/admin/users/${developerId}`, secret, { password });
        if (!changed.ok) throw new Error("The developer's user could not be created.");
      }
      const path = "/token?grant_type=password";
      const session = await call("POST", path, keys.publishableKey, { email, password });
      if (!session.ok) throw new Error("The developer could not be signed in.");
      return session.answer;
    },
    async enter() {
      const sql = postgres(dbUrl, { max: 1, onnotice: () => {} });
      try {
        await sql.unsafe(entering, [developerId]);
      } finally {
        await sql.end();
      }
    },
  };
}
