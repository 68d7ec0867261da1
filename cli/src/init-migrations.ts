import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Manifest } from "./init-manifest.ts";
import type { SourceFile } from "./source.ts";

const folder = "supabase/migrations";
const form = /^(\d+)_(.+)\.sql$/;

/** The migration that `mayfly uninstall` writes. Everything before it is gone from the database. */
export const uninstallName = "mayfly_uninstall";

/** The name by which a migration is recognised, whatever its number in a project: `mayfly_0_2_0`. */
export const nameOf = (path: string): string => form.exec(basename(path))?.[2] ?? basename(path);

/**
 * Mayfly's migrations with their numbers in this project. `supabase db push` refuses a migration
 * whose number is below the newest one that a database has. A migration that the project has keeps
 * its number. A new migration keeps Mayfly's number if this is above the newest number in the
 * project. Otherwise it gets the number after the newest.
 */
export async function numberMigrations(
  root: string,
  migrations: SourceFile[],
  manifest: Manifest | null,
): Promise<SourceFile[]> {
  const files = await readdir(join(root, folder)).catch(() => []);
  const present = [
    // A deleted file is written again with its old number, which the database knows.
    ...Object.keys(manifest?.files ?? {}).filter((path) => path.startsWith(`${folder}/`)),
    ...files.filter((file) => form.test(file)).map((file) => `${folder}/${file}`),
  ];
  let newest = 0n;
  let removed = 0n;
  for (const path of present) {
    if (numberOf(path) > newest) newest = numberOf(path);
    if (nameOf(path) === uninstallName && numberOf(path) > removed) removed = numberOf(path);
  }
  const known = new Map(
    present.filter((path) => numberOf(path) > removed).map((path) => [nameOf(path), path]),
  );
  return migrations.map(({ path, content }) => {
    const there = known.get(nameOf(path));
    if (there !== undefined) return { path: there, content };
    const own = numberOf(path);
    newest = own > newest ? own : after(newest);
    return { path: `${folder}/${newest}_${nameOf(path)}.sql`, content };
  });
}

/** The number for a migration that is written now. It is above the project's newest number. */
export async function nextNumber(root: string): Promise<bigint> {
  const files = await readdir(join(root, folder)).catch(() => []);
  const now = BigInt(new Date().toISOString().replace(/\.\d+Z$|\D/g, ""));
  const newest = files.reduce((most, file) => {
    const number = numberOf(file);
    // biome-ignore lint/complexity/useMathMinMax: Math.max takes no bigint.
    return number > most ? number : most;
  }, 0n);
  return newest < now ? now : after(newest);
}

const numberOf = (path: string): bigint => BigInt(form.exec(basename(path))?.[1] ?? 0);

/**
 * The next number after `number`. If `number` is a time in the form of the Supabase CLI, the next number is
 * one second later.
 */
function after(number: bigint): bigint {
  const text = String(number);
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1-$2-$3T$4:$5:$6Z");
  const time = Date.parse(iso);
  if (iso === text || Number.isNaN(time)) return number + 1n;
  return BigInt(new Date(time + 1000).toISOString().replace(/\.\d+Z$|\D/g, ""));
}
