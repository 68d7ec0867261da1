/** Reads the files of a Supabase project, except for its migrations. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";

/** The folder with supabase/config.toml: this one or one above it, as in the Supabase CLI. */
export function findProject(folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, "supabase/config.toml"))) return at;
    if (at === dirname(at)) return null;
  }
}

/**
 * The secrets that `supabase functions serve` gives to the functions. Names that the platform uses
 * are left out.
 */
export function functionSecrets(root: string): Record<string, string> {
  const path = join(root, "supabase/functions/.env");
  if (!existsSync(path)) return {};
  const entries = Object.entries(parseEnv(readFileSync(path, "utf8")));
  return Object.fromEntries(
    entries.filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !entry[0].startsWith("SUPABASE_"),
    ),
  );
}
