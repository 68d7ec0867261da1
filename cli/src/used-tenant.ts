/**
 * The tenant that `mayfly use` has chosen for a folder. Its id is the one line of .mayfly/tenant, in
 * this folder or in a folder above it.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

const place = ".mayfly/tenant";

/** An id. Undefined if none was chosen. */
export async function readUsed(folder: string): Promise<string | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const text = await readFile(join(at, place), "utf8").catch(() => "");
    if (text.trim() !== "") return text.trim();
    if (at === dirname(at)) return undefined;
  }
}

/** @returns the file to write: next to existing data, or if there is none, in the folder. */
export async function writeUsed(folder: string, tenant: string): Promise<string> {
  let at = resolve(folder);
  while (!existsSync(join(at, ".mayfly")) && at !== dirname(at)) at = dirname(at);
  const path = join(existsSync(join(at, ".mayfly")) ? at : resolve(folder), place);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, `${tenant}\n`);
  return path;
}
