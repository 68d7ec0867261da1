/** Remembers how far an import of a file came, so that the next run continues there. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

export interface Place {
  /** The number of the last item that is stored. */
  done: number;
  save(done: number): Promise<void>;
  forget(): Promise<void>;
}

/**
 * Where to continue. If the file has changed since, or went into another tenant, this is the
 * beginning of the file.
 */
export async function placeOf(file: string, tenant: string): Promise<Place> {
  const { size, mtimeMs } = await stat(file);
  const about = [resolve(file), size, mtimeMs, tenant].join("\n");
  const name = createHash("sha256").update(about).digest("hex").slice(0, 16);
  const folder = join(process.cwd(), ".mayfly");
  const path = join(folder, `import-${name}`);
  const text = await readFile(path, "utf8").catch(() => "0");
  return {
    done: Number(text) || 0,
    async save(done) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(path, String(done));
    },
    forget: () => rm(path, { force: true }),
  };
}
