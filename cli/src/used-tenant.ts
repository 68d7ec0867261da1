/** The tenant that `mayfly use` has chosen for a folder: one line in .mayfly/tenant, there or above. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

const place = ".mayfly/tenant";

export async function readUsed(folder: string): Promise<string | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const text = await readFile(join(at, place), "utf8").catch(() => "");
    if (text.trim() !== "") return text.trim();
    if (at === dirname(at)) return undefined;
  }
}

/** @returns the file that it is written to. */
export async function writeUsed(folder: string, tenant: string): Promise<string> {
  const path = join(folder, place);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, `${tenant}\n`);
  return path;
}
