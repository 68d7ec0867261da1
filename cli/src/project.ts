import { Mayfly } from "@mayfly/sdk";
import { type Connection, type ConnectionOptions, findConnection } from "./connection.ts";
import { enter, type KnownTenant } from "./entry.ts";
import { Failure, usage } from "./failure.ts";
import type { Output } from "./output.ts";
import { isUuid } from "./words.ts";

/** A tenant of a project, opened with the secret key. */
export interface Project {
  url: string;
  tenant: KnownTenant;
  mayfly: Mayfly;
}

/** How many tenants an error lists. */
const shown = 10;

/** Opens the project and the tenant from the options and the environment. */
export async function openProject(options: ConnectionOptions, output: Output): Promise<Project> {
  const connection = await findConnection(options);
  const tenant = await chooseTenant(connection, output);
  const { url, key } = connection;
  return { url, tenant, mayfly: new Mayfly({ url, key, tenant: tenant.id }) };
}

/** The tenants of a project, optionally filtered by the Data API. */
export async function readTenants(connection: Connection, filter = ""): Promise<KnownTenant[]> {
  const entry = await enter(connection, filter);
  if (entry.at === "inside") return entry.tenants;
  throw new Failure(entry.message, { code: entry.at, hint: entry.mend });
}

async function chooseTenant(connection: Connection, output: Output): Promise<KnownTenant> {
  const named = connection.tenant;
  if (named !== undefined) {
    const filter = `${isUuid(named) ? "id" : "name"}=eq.${encodeURIComponent(named)}`;
    const [found, ...others] = await readTenants(connection, filter);
    if (found && others.length === 0) return found;
    const problem = found
      ? `The project has ${others.length + 1} tenants with the name ${named}. Use an id instead.`
      : `The project has no tenant ${named}.`;
    throw usage(problem, listOf(found ? [found, ...others] : await readTenants(connection)));
  }
  const tenants = await readTenants(connection);
  const [only] = tenants;
  if (!only)
    throw new Failure("The project has no tenant yet.", {
      code: "tenant_unknown",
      hint: "Make one in the SQL editor: select * from mayfly.create_tenant('acme');",
    });
  if (tenants.length > 1)
    throw usage(
      "The project has several tenants. Choose one with --tenant or MAYFLY_TENANT.",
      listOf(tenants),
    );
  output.note(`Using ${only.name} (${only.id}), the only tenant.`);
  return only;
}

function listOf(tenants: KnownTenant[]): string {
  const lines = tenants.slice(0, shown).map(({ id, name }) => `  ${id}  ${name}`);
  const more = tenants.length > shown ? ["  … and more: mayfly status"] : [];
  return ["The project's tenants:", ...lines, ...more].join("\n");
}
