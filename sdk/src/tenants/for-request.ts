import { failed, ok, type Result } from "../contract/errors.ts";
import { type ApplicationClient, noToken, sessionOf } from "../link/application-client.ts";
import type { Tenants } from "./tenants.ts";

/**
 * Opens a client with the identity of a request's token, in the tenant that is given or that the request names, or
 * in the only one in which its caller is.
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
