import type { Answer, Caller } from "./transport.ts";

/** The identity with which a transaction runs. */
export interface Identity {
  role: string;
  /** The claims of the token, as JSON. */
  claims: string;
}

/** The roles of the Data API. A call never gets another role, whatever its token says. */
const roles = ["anon", "authenticated", "service_role"];
/** How much clocks may differ, as in the Data API. */
const skewSeconds = 30;

/** The identity with which the Data API would run this caller's calls, or the error that it would return. */
export async function identify({ key, token }: Caller): Promise<Identity | Answer> {
  if (token) return ofToken(await token());
  if (key.startsWith("sb_secret_")) return bare("service_role");
  if (key.startsWith("sb_publishable_")) return bare("anon");
  const legacy = payloadOf(key);
  if (legacy?.role === "anon" || legacy?.role === "service_role") return ofToken(key);
  return { data: null, error: { message: "Invalid API key" }, status: 401 };
}

const bare = (role: string): Identity => ({ role, claims: JSON.stringify({ role }) });

/**
 * The signature is not verified. The token came from the function spawn, and anyone who has the database URL
 * can act as anybody without a token.
 */
function ofToken(token: string): Identity | Answer {
  const claims = payloadOf(token);
  if (!claims) return refused("PGRST301", "No suitable key was found to decode the JWT");
  const now = Date.now() / 1_000;
  if (Number(claims.exp) < now - skewSeconds) return refused("PGRST303", "JWT expired");
  if (Number(claims.nbf) > now + skewSeconds) return refused("PGRST303", "JWT not yet valid");
  const role = String(claims.role ?? "anon");
  if (!roles.includes(role)) return refused("42501", `permission denied to set role "${role}"`);
  return { role, claims: JSON.stringify(claims) };
}

function payloadOf(token: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(
      Buffer.from(token.split(".")[1] ?? "", "base64url").toString(),
    );
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

const refused = (code: string, message: string): Answer => ({
  data: null,
  error: { code, message, details: null, hint: null },
  status: 401,
});
