import { MayflyError } from "../contract/errors.ts";

/** Gives a secret of a tenant to a worker: from its environment, or from wherever it keeps them. */
export type SecretResolver = (
  name: string,
  tenantId: string,
) => string | undefined | Promise<string | undefined>;

/** What tools and models are given: read when it is asked for, kept in no row and no debug record. */
export const secretsOf =
  (resolve: SecretResolver | undefined, tenantId: string) =>
  async (name: string): Promise<string> => {
    const secret = await resolve?.(name, tenantId);
    if (secret === undefined)
      throw new MayflyError({
        code: "not_configured",
        message: `The worker knows no secret ${name}.`,
        hint: "Give runAgents a function `secrets` that resolves it.",
        details: { secret: name },
      });
    return secret;
  };
