import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Failure } from "./failure.ts";

export const manifestPath = "supabase/.mayfly.json";

const shape = z.object({
  /** The version that was installed last. */
  version: z.string(),
  /** The files that init wrote, with the SHA-256 of their content. */
  files: z.record(z.string(), z.string()),
  /** The prefix of the functions' names in config.toml. */
  prefix: z.string().optional(),
});
export type Manifest = z.infer<typeof shape>;

/** The manifest of an earlier init. Null if there is none. */
export async function readManifest(root: string): Promise<Manifest | null> {
  const text = await readFile(join(root, manifestPath), "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    throw new Failure(`${manifestPath} is not the file that mayfly init wrote.`, {
      hint: "Restore it, or delete it. If you delete it, mayfly init keeps changed files.",
    });
  }
}

export const hashOf = (content: string): string =>
  createHash("sha256").update(content).digest("hex");
