import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "smol-toml";

/** The schemas that the Supabase CLI exposes if config.toml names none. */
const defaultSchemas = ["public", "graphql_public"];

/** The schemas that `[api] schemas` of supabase/config.toml under `root` exposes. */
export function readExposedSchemas(root: string): string[] {
  const { api } = parse(readFileSync(resolve(root, "supabase/config.toml"), "utf8"));
  const schemas = (api as { schemas?: unknown } | undefined)?.schemas;
  return Array.isArray(schemas) ? schemas.map(String) : defaultSchemas;
}

/** The default of a new project's `supabase/config.toml`. */
const defaultFileBytes = 50 * 1024 * 1024;
const sizeUnits = ["", "k", "m", "g"];

/** The largest file that Storage accepts: `[storage] file_size_limit`, such as `50MiB`. */
export function readFileSizeLimit(root: string): number {
  const { storage } = parse(readFileSync(resolve(root, "supabase/config.toml"), "utf8"));
  const given = (storage as { file_size_limit?: unknown } | undefined)?.file_size_limit;
  if (given === undefined) return defaultFileBytes;
  const [, number, unit = ""] = /^(\d+)\s*([kmg]?)i?b?$/i.exec(String(given)) ?? [];
  if (number === undefined)
    throw new Error(`[storage] file_size_limit of supabase/config.toml is not a size: ${given}.`);
  return Number(number) * 1024 ** sizeUnits.indexOf(unit.toLowerCase());
}
