import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { instanceAt } from "./here.ts";

/** The content of `.mayfly/running.json`, which the embedded Supabase writes. */
const announced = z.object({
  instance: z.string(),
  apiUrl: z.string(),
  secretKey: z.string(),
});

export interface Embedded {
  url: string;
  key: string;
}

/** The embedded Supabase that runs in this folder or in one above it. */
export async function findEmbedded(folder: string): Promise<Embedded | null> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await embeddedIn(at);
    if (found || at === dirname(at)) return found;
  }
}

async function embeddedIn(folder: string): Promise<Embedded | null> {
  const text = await readFile(join(folder, ".mayfly/running.json"), "utf8").catch(() => null);
  if (text === null) return null;
  try {
    const { instance, apiUrl: url, secretKey: key } = announced.parse(JSON.parse(text));
    // If the process was killed, its file is still there, and another process may use its port now.
    return (await instanceAt(url)) === instance ? { url, key } : null;
  } catch {
    return null;
  }
}
