import { MayflyError } from "../contract/errors.ts";

/** What the SDK needs from the application's own client. Any supabase-js 2.x has it. */
export interface ApplicationClient {
  readonly auth: {
    getSession(): PromiseLike<{
      data: { session: { readonly access_token: string } | null };
    }>;
  };
}

/**
 * Returns a function that reads the token of the person who is signed in to the application's client.
 *
 * @throws `invalid_request` for a client with its own `accessToken`. Such a client has no session, and its
 * tokens belong to people whom the project's Auth does not know.
 */
export function sessionToken(client: ApplicationClient): () => Promise<string | null> {
  const { auth } = client;
  try {
    // If a client has its own `accessToken`, every property of its `auth` throws.
    if (typeof auth.getSession !== "function") throw new TypeError("It has no auth.getSession.");
  } catch (cause) {
    throw unusable(cause);
  }
  return async () => (await auth.getSession()).data.session?.access_token ?? null;
}

/** Makes a client with the token of a request as its session. Undefined if the request has no token. */
export function sessionOf(headers: Headers): ApplicationClient | undefined {
  const [, token] = /^Bearer (\S+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  if (!token) return undefined;
  const session = { access_token: token };
  return { auth: { getSession: async () => ({ data: { session } }) } };
}

/** The error for a request that has no token. */
export const noToken = () =>
  new MayflyError({
    code: "not_authorized",
    message: "The request has no access token.",
    hint: "Send the access token of a person, an OAuth client or an agent as Authorization: Bearer.",
    details: null,
  });

const unusable = (cause: unknown) =>
  new MayflyError(
    {
      code: "invalid_request",
      message:
        "client: it uses its own accessToken (Clerk, Auth0 or another provider), but Mayfly identifies people with Supabase Auth.",
      hint: "Pass a client whose users sign in with Supabase Auth. For users of another provider, spawn agents on your server with the secret key, in the user's tenant.",
      details: { field: "client" },
    },
    { cause },
  );
