import { Mayfly } from "@mayfly/sdk";

/** Mayfly in the tenant of this name, made if there is none: the examples share one. For the secret key. */
export async function openTenant(url: string, key: string, name = "example"): Promise<Mayfly> {
  const { tenants } = new Mayfly({ url, key });
  const oldest = async () => {
    const { data, error } = await tenants.list();
    if (error) throw error;
    return data.find((tenant) => tenant.name === name);
  };
  let tenant = await oldest();
  if (!tenant) {
    const { error } = await tenants.create({ name });
    if (error) throw error;
    // Names are not unique: of two that were made at once, everybody takes the older.
    tenant = await oldest();
  }
  return new Mayfly({ url, key, tenant: tenant?.id ?? "" });
}
