import { Mayfly } from "@mayfly/sdk";
import { chooseTenant, namedTenant } from "./choose-tenant.ts";
import { type ConnectionOptions, findConnection } from "./connection.ts";
import type { KnownTenant } from "./entry.ts";
import type { Output } from "./output.ts";

/** A tenant of a project, opened with the secret key. */
export interface Project {
  url: string;
  tenant: KnownTenant;
  mayfly: Mayfly;
}

/** Opens the project and the tenant from the options and the environment. */
export async function openProject(options: ConnectionOptions, output: Output): Promise<Project> {
  const connection = await findConnection(options);
  const tenant = await chooseTenant(connection, output);
  const { url, key, functionsPrefix } = connection;
  const prefix = functionsPrefix && { functionsPrefix };
  return { url, tenant, mayfly: new Mayfly({ url, key, tenant: tenant.id, ...prefix }) };
}

/** Opens the project with all its tenants, or with the one that the options name. */
export async function openTenants(options: ConnectionOptions): Promise<{ mayfly: Mayfly }> {
  const connection = await findConnection(options);
  const { url, key, functionsPrefix, tenant } = connection;
  const only = tenant === undefined ? {} : { tenant: (await namedTenant(connection, tenant)).id };
  const prefix = functionsPrefix && { functionsPrefix };
  return { mayfly: new Mayfly({ url, key, ...only, ...prefix }) };
}
