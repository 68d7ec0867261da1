/** Hints for people whose project is on this machine, where there is no dashboard. */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** The command that starts the embedded Supabase of this folder: a script of its package, if there is one. */
export async function startCommand(folder = process.cwd()): Promise<string> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const text = await readFile(join(at, "package.json"), "utf8").catch(() => null);
    if (text !== null || at === dirname(at)) return scriptIn(text ?? "{}") ?? "npx mayfly dev";
  }
}

function scriptIn(manifest: string): string | undefined {
  try {
    const { scripts = {} } = JSON.parse(manifest) as { scripts?: Record<string, string> };
    const serves = /^(?:mayfly dev|node local\/cli\.js start)$/;
    const name = Object.keys(scripts).find((one) => serves.test(scripts[one] ?? ""));
    return name && (name === "start" ? "npm start" : `npm run ${name}`);
  } catch {
    return undefined;
  }
}

export const isLoopback = (url: string): boolean =>
  /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(URL.parse(url)?.hostname ?? "");

/**
 * The id of the embedded Supabase that serves this URL, new at each start. Null if no embedded Supabase
 * serves it.
 */
export async function instanceAt(url: string): Promise<string | null> {
  if (!isLoopback(url)) return null;
  try {
    const health = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
    const { instance } = (await health.json()) as { instance?: unknown };
    return typeof instance === "string" ? instance : null;
  } catch {
    return null;
  }
}

/** The command that starts the embedded Supabase at this URL. Null if something else is there. */
export const startCommandAt = async (url: string): Promise<string | null> =>
  (await instanceAt(url)) === null ? null : startCommand();

/** Says where to find the secret key of this project. */
export async function secretKeyHint(url: string): Promise<string> {
  if (!isLoopback(url))
    return "Use this project's secret key: Project Settings → API Keys, sb_secret_….";
  if (await instanceAt(url))
    return `Use the SECRET_KEY that ${await startCommand()} printed. In its folder, mayfly finds the URL and the key by itself, if none is set.`;
  return "Use the project's secret key. For a project of the Supabase CLI, npx supabase status prints it.";
}

/** Says what to do if nothing answers at this URL. */
export async function unreachableHint(url: string): Promise<string> {
  if (!isLoopback(url))
    return "Check the URL and the network. You can restore a paused project in the dashboard.";
  return `Start the project, or correct the port. The embedded Supabase starts with ${await startCommand()}, and prints its URL.`;
}
