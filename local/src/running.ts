import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const running = z.object({
  pid: z.number(),
  /** Told by /health too: another server on the same port is not ours. */
  instance: z.string(),
  apiUrl: z.string(),
  dbUrl: z.string(),
  jwksUrl: z.string(),
  studioUrl: z.string(),
  publishableKey: z.string(),
  secretKey: z.string(),
});

/** An embedded Supabase that serves, as others find it. */
export type Running = z.infer<typeof running>;

const pathIn = (data: string) => join(data, "running.json");

/** Lets `findRunning` find it. Readable by its owner alone: it has the keys. */
export async function announce(data: string, value: Running): Promise<void> {
  await writeFile(pathIn(data), JSON.stringify(value, null, 2), { mode: 0o600 });
}

export async function withdraw(data: string): Promise<void> {
  await rm(pathIn(data), { force: true });
}

/**
 * The embedded Supabase that serves this data folder, or null. One that was killed is not found.
 *
 * @param data the data folder.
 */
export async function findRunning(data: string): Promise<Running | null> {
  const text = await readFile(pathIn(data), "utf8").catch(() => null);
  if (text === null) return null;
  try {
    const found = running.parse(JSON.parse(text));
    const response = await fetch(`${found.apiUrl}/health`, { signal: AbortSignal.timeout(5_000) });
    const { instance } = (await response.json()) as { instance?: string };
    return instance === found.instance ? found : null;
  } catch {
    return null;
  }
}
