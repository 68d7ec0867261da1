import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { usage } from "./failure.ts";
import { secretKeyHint, startCommand } from "./here.ts";
import { readManifest } from "./init-manifest.ts";
import { projectUrl } from "./project-url.ts";
import { findEmbedded } from "./running.ts";
import { readUsed } from "./used-tenant.ts";

/** The options of every command that connects to a project. */
export interface ConnectionOptions {
  url?: string;
  key?: string;
  tenant?: string;
}

/** A Supabase project, with its secret key. */
export interface Connection {
  url: string;
  key: string;
  /** The id or the name of the tenant. */
  tenant: string | undefined;
  /** The tenant that `mayfly use` has chosen for this folder, if no other is named. */
  used?: string | undefined;
  /** The prefix of the edge functions' names, if they were installed with one. */
  functionsPrefix?: string | undefined;
}

export type Environment = Record<string, string | undefined>;

/**
 * The environment variables for each value, in order of precedence. If several are set, the first of them
 * is used.
 */
export const names = {
  url: ["MAYFLY_URL", "SUPABASE_URL"],
  key: ["MAYFLY_KEY", "MAYFLY_SECRET_KEY", "SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"],
  publishable: ["SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"],
  tenant: ["MAYFLY_TENANT"],
  functionsPrefix: ["MAYFLY_FUNCTIONS_PREFIX"],
};

/**
 * Options come first, then the environment, then the folder's `.env`, then the embedded Supabase that runs in
 * the folder.
 */
export async function findConnection(
  options: ConnectionOptions,
  { cwd = process.cwd(), env = process.env }: { cwd?: string; env?: Environment } = {},
): Promise<Connection> {
  const all = await readEnvironment(cwd, env);
  const from = (keys: string[]) => keys.map((name) => all[name]).find(Boolean);
  const tenant = options.tenant ?? from(names.tenant);
  const given = options.url ?? from(names.url);
  const url = given === undefined ? undefined : projectUrl(given);
  const key = options.key ?? from(names.key);
  const used = await readUsed(cwd);
  const functionsPrefix = from(names.functionsPrefix) ?? (await installedPrefix(cwd));
  const also = { tenant, used, functionsPrefix };
  if (url && key) return { url, key: checkKey(key), ...also };

  const embedded = url || !key ? await findEmbedded(cwd) : null;
  // Use the key of the embedded Supabase only for itself, never for another project.
  if (embedded && (url === undefined || url === embedded.url)) return { ...embedded, ...also };
  if (url) {
    const unfit = from(names.publishable)
      ? " There is a publishable key, but it is not enough."
      : "";
    throw usage(
      `There is no key for ${url}.${unfit}`,
      `Set MAYFLY_KEY, or pass --key. ${await secretKeyHint(url)}`,
    );
  }
  const running = key && (await findEmbedded(cwd));
  if (running)
    throw usage(
      "There is a key, but no project URL.",
      `The key of the project that runs here, at ${running.url}, is known: leave out MAYFLY_KEY and --key.`,
    );
  throw usage(
    key
      ? "There is a key, but no project URL."
      : "No project was given, and none is running in this folder.",
    `Set MAYFLY_URL and MAYFLY_KEY (or --url and --key), or start one here: ${await startCommand(cwd)}`,
  );
}

/** The prefix that `mayfly init --prefix` has stored in the project of this folder. */
export async function installedPrefix(folder: string): Promise<string | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const manifest = await readManifest(at).catch(() => null);
    if (manifest || at === dirname(at)) return manifest?.prefix;
  }
}

/** The variables of the environment, or else those of the folder's `.env`. */
export async function readEnvironment(folder: string, env: Environment): Promise<Environment> {
  const text = await readFile(join(folder, ".env"), "utf8").catch(() => "");
  return { ...withoutEmpty(parseEnv(text) as Environment), ...withoutEmpty(env) };
}

const withoutEmpty = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value));

/** Only the secret key can do what the CLI does. A wrong kind of key is recognised by its form. */
function checkKey(key: string): string {
  const hint = "Use the secret key: Project Settings → API Keys, sb_secret_….";
  if (key.startsWith("sb_publishable_") || legacyRole(key) === "anon")
    throw usage("This is a publishable key, which is not enough.", hint);
  if (key.startsWith("mfk_")) throw usage("This is an enrolment key, which can only spawn.", hint);
  if (/[^\x21-\x7e]/.test(key))
    throw usage("The key contains characters that keys never have.", hint);
  return key;
}

/** Legacy keys are tokens that contain their role. */
function legacyRole(key: string): unknown {
  try {
    const [, claims = ""] = key.split(".");
    return (JSON.parse(Buffer.from(claims, "base64url").toString()) as { role?: unknown }).role;
  } catch {
    return undefined;
  }
}
