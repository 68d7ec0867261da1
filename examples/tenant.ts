import { Mayfly } from "@mayfly/sdk";

/** Mayfly in the tenant of this name, made if there is none: the examples share one. For the secret key. */
export async function openTenant(url: string, key: string, name = "example"): Promise<Mayfly> {
  const { data: tenant, error } = await new Mayfly({ url, key }).tenants.ensure(name);
  if (error) throw error;
  return new Mayfly({ url, key, tenant: tenant.id });
}
