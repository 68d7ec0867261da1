import { type Environment, names as ofSecret, readEnvironment } from "./connection.ts";
import { usage } from "./failure.ts";
import { projectUrl } from "./project-url.ts";

const names = {
  url: ["MAYFLY_URL", "SUPABASE_URL"],
  key: ["MAYFLY_PUBLISHABLE_KEY", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"],
};

export interface Publishable {
  url: string;
  key: string | null;
  /**
   * The secret key, if it is set. It is sent only to the embedded Supabase, to get a link to its
   * console.
   */
  secret: string | null;
}

/**
 * Finds the project and its publishable key, which a page may have. Options come first, then the environment,
 * then the folder's `.env`.
 */
export async function findPublishable(
  options: { url?: string; key?: string },
  { cwd = process.cwd(), env = process.env }: { cwd?: string; env?: Environment } = {},
): Promise<Publishable | null> {
  const all = await readEnvironment(cwd, env);
  const from = (keys: string[]) => keys.map((name) => all[name]).find(Boolean);
  const url = options.url ?? from(names.url);
  const key = options.key ?? from(names.key);
  if (!url && !key) return null;
  if (!url) throw usage("There is a key, but no project URL.", "Pass --url.");
  return { url: projectUrl(url), key: key ?? null, secret: from(ofSecret.key) ?? null };
}

export const noPublishable = ({ url, secret }: Publishable) =>
  usage(
    `There is no publishable key for ${url}.${secret ? " There is a secret key, which must never be in a page." : ""}`,
    "Set MAYFLY_PUBLISHABLE_KEY (Project Settings → API Keys), or give --key.",
  );

/** Refuses a secret key, because everybody who opens the console gets the key that it uses. */
export function checkPublishableKey(key: string): void {
  const isSecret = key.startsWith("sb_secret_") || /"role":"service_role"/.test(claimsOf(key));
  if (isSecret)
    throw usage(
      "This is the secret key, which must never be in a page.",
      "Use the publishable key: Project Settings → API Keys, sb_publishable_….",
    );
}

const claimsOf = (key: string) => Buffer.from(key.split(".")[1] ?? "", "base64url").toString();
