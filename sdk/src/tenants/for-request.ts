import { failed, ok, type Result } from "../contract/errors.ts";
import { type ApplicationClient, noToken, sessionOf } from "../link/application-client.ts";
import type { Tenants } from "./tenants.ts";

/**
 * Opens a client that acts as the caller of a request, by the request's token. The tenant is the given one, or
 * the one that the request names, or the caller's only tenant.
 */
export async function openForRequest<Client extends { tenants: Pick<Tenants, "list"> }>(
  { headers }: Request,
  given: string | undefined,
  open: (as: { client: ApplicationClient; tenant?: string }) => Client,
): Promise<Result<Client>> {
  const client = sessionOf(headers);
  if (!client) return failed(noToken());
  const tenant = given ?? headers.get("x-mayfly-tenant") ?? undefined;
  const opened = open({ client, ...(tenant && { tenant }) });
  // The database says whether the token is valid, and in which tenants.
  const { data: tenants, error } = await opened.tenants.list();
  if (error) return failed(error);
  const [only] = tenants;
  if (tenant || !only || tenants.length > 1) return ok(opened);
  return ok(open({ client, tenant: only.id }));
}
