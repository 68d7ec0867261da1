import { MayflyError } from "../contract/errors.ts";
import { readSecret } from "./answers.ts";
import type { RunDoor } from "./door.ts";

/** Returns a secret of a tenant to a worker, from its environment or another store. */
export type SecretResolver = (
  name: string,
  tenantId: string,
) => string | undefined | Promise<string | undefined>;

/**
 * The secrets for tools and models: from the worker's resolver, or otherwise from Supabase Vault. They
 * are read when they are needed, and are not stored in any row or debug record.
 */
export const secretsOf =
  (resolve: SecretResolver | undefined, tenantId: string, door: RunDoor) =>
  async (name: string): Promise<string> => {
    const known = await resolve?.(name, tenantId);
    const secret = known ?? (await door.must("read_secret", { name }, readSecret)).secret;
    if (secret === null)
      throw new MayflyError({
        code: "not_configured",
        message: `Neither the worker nor Vault has a secret ${name}.`,
        hint: `Pass a function \`secrets\` to runAgents, or store the secret in Vault as mayfly/${tenantId}/${name}.`,
        details: { secret: name },
      });
    return secret;
  };
