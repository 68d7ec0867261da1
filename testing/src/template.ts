/** A database with a project's migrations. The first start makes it, and later starts copy it. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Template {
  /** The path of the template's file, if this file already exists. */
  path: string | undefined;
  keep(database: Blob): Promise<void>;
}

/**
 * @param root the project's root. If the text of a migration or a seed changes, the template is
 * made again.
 */
export async function templateOf(root: string, version: string): Promise<Template> {
  const hash = createHash("sha256").update(version);
  for (const path of ["supabase/migrations", "supabase/seeds", "supabase/seed.sql"])
    for (const file of await filesOf(join(root, path)))
      hash.update(file).update(await readFile(file, "utf8"));
  const name = `${hash.digest("hex").slice(0, 24)}.tar`;
  const folder = join(process.cwd(), "node_modules/.cache/mayfly-testing");
  const path = join(folder, name);
  return {
    path: existsSync(path) ? path : undefined,
    async keep(database) {
      // Delete older templates, because their migrations are different.
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      const draft = `${path}.${process.pid}`;
      await writeFile(draft, Buffer.from(await database.arrayBuffer()));
      await rename(draft, path);
    },
  };
}

async function filesOf(path: string): Promise<string[]> {
  if (path.endsWith(".sql")) return existsSync(path) ? [path] : [];
  const files = await readdir(path).catch(() => []);
  return files
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => join(path, file));
}
