// Every example that opens a tenant ends with one line if something is wrong.
import "./plain-errors.ts";
import { Mayfly, type Result } from "@mayfly/sdk";

/**
 * A client for the tenant of this name. If there is no such tenant, creates it. The examples share
 * one tenant. Needs the secret key.
 */
export async function openTenant(url: string, key: string, name = "example"): Promise<Mayfly> {
  const { data: tenant, error } = await new Mayfly({ url, key }).tenants.ensure(name);
  if (error) throw error;
  return new Mayfly({ url, key, tenant: tenant.id });
}

/** The data of an answer. Throws its error. */
export function dataOf<T>({ data, error }: Result<T>): T {
  if (error) throw error;
  return data as T;
}
