import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const running = z.object({
  pid: z.number(),
  /** The id of this start. /health has it, too, so that no other server on the same port is mistaken for ours. */
  instance: z.string(),
  apiUrl: z.string(),
  dbUrl: z.string(),
  jwksUrl: z.string(),
  studioUrl: z.string(),
  publishableKey: z.string(),
  secretKey: z.string(),
});

/** A running embedded Supabase, in the form in which other processes find it. */
export type Running = z.infer<typeof running>;

const pathIn = (data: string) => join(data, "running.json");

/** Writes the file that `findRunning` reads. Only its owner can read it, because it contains the keys. */
export async function announce(data: string, value: Running): Promise<void> {
  await writeFile(pathIn(data), JSON.stringify(value, null, 2), { mode: 0o600 });
}

export async function withdraw(data: string): Promise<void> {
  await rm(pathIn(data), { force: true });
}

/**
 * The embedded Supabase that uses this data folder. Null if there is none, or if it was killed.
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
