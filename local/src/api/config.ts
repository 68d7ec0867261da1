import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "smol-toml";

/** What the Supabase CLI exposes where config.toml does not say. */
const defaultSchemas = ["public", "graphql_public"];

/** The schemas that `[api] schemas` of supabase/config.toml under `root` exposes. */
export function readExposedSchemas(root: string): string[] {
  const { api } = parse(readFileSync(resolve(root, "supabase/config.toml"), "utf8"));
  const schemas = (api as { schemas?: unknown } | undefined)?.schemas;
  return Array.isArray(schemas) ? schemas.map(String) : defaultSchemas;
}
