import { Mayfly } from "@mayfly/sdk";

/** Mayfly in the tenant of this name, made if there is none: the examples share one. For the secret key. */
export async function openTenant(url: string, key: string, name = "example"): Promise<Mayfly> {
  const { tenants } = new Mayfly({ url, key });
  const listed = await tenants.list();
  if (listed.error) throw listed.error;
  const known = listed.data.find((tenant) => tenant.name === name);
  if (known) return new Mayfly({ url, key, tenant: known.id });
  const made = await tenants.create({ name });
  if (made.error) throw made.error;
  return new Mayfly({ url, key, tenant: made.data.id });
}
