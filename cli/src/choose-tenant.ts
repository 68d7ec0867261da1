/**
 * Chooses the tenant for a command: the named tenant, the tenant from `mayfly use`, the only tenant,
 * or the one that a person picks.
 */
import { createInterface } from "node:readline/promises";
import type { Connection } from "./connection.ts";
import { enter, type KnownTenant } from "./entry.ts";
import { Failure, usage } from "./failure.ts";
import { hintAt } from "./finding.ts";
import { isUuid, printable } from "./format-values.ts";
import { startCommandAt } from "./here.ts";
import { until } from "./interruption.ts";
import type { Output } from "./output.ts";

/** How many tenants an error lists. */
const shown = 10;
const never = new AbortController().signal;

/** The tenants of a project, optionally filtered by the Data API. */
export async function readTenants(connection: Connection, filter = ""): Promise<KnownTenant[]> {
  const entry = await enter(connection, filter);
  if (entry.at === "inside") return entry.tenants;
  const hint = hintAt(entry.hint, await startCommandAt(connection.url));
  throw new Failure(entry.message, { code: entry.at, hint });
}

/** @param options.alone whether to leave out the note about the only tenant. */
export async function chooseTenant(
  connection: Connection,
  output: Output,
  signal: AbortSignal = never,
  { alone = false } = {},
): Promise<KnownTenant> {
  if (connection.tenant !== undefined) return namedTenant(connection, connection.tenant);
  if (connection.used !== undefined) {
    const found = await usedTenant(connection);
    if (found) return found;
    output.note(`The tenant from mayfly use, ${connection.used}, is not in this project.`);
  }
  const tenants = await readTenants(connection);
  const [only] = tenants;
  if (!only)
    throw new Failure("The project has no tenant yet.", {
      code: "tenant_unknown",
      hint: "Create one: npx mayfly use acme --create",
    });
  if (tenants.length === 1) {
    if (!alone) output.note(`Using ${only.name} (${only.id}), the only tenant.`);
    return only;
  }
  if (output.terminal && process.stdin.isTTY) return ask(tenants, signal);
  throw usage(
    "The project has several tenants. Choose one with --tenant, MAYFLY_TENANT or mayfly use.",
    listOf(tenants),
  );
}

/** The tenant that `mayfly use` has chosen. Undefined if there is none in this project. */
export async function usedTenant(connection: Connection): Promise<KnownTenant | undefined> {
  if (connection.used === undefined) return undefined;
  const [found] = await readTenants(connection, filterOf(connection.used));
  return found;
}

export async function namedTenant(connection: Connection, name: string): Promise<KnownTenant> {
  const [found, ...others] = await readTenants(connection, filterOf(name));
  if (found && others.length === 0) return found;
  const problem = found
    ? `The project has ${others.length + 1} tenants with the name ${name}. Use an id instead.`
    : `The project has no tenant ${name}.`;
  throw usage(problem, listOf(found ? [found, ...others] : await readTenants(connection)));
}

const filterOf = (name: string) => `${isUuid(name) ? "id" : "name"}=eq.${encodeURIComponent(name)}`;

async function ask(tenants: KnownTenant[], signal: AbortSignal): Promise<KnownTenant> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // While readline reads the terminal, only readline gets Ctrl-C, so pass the signal on to the
    // process.
    lines.on("SIGINT", () => process.emit("SIGINT"));
    console.error("The project has several tenants:");
    for (const [index, { name }] of tenants.entries())
      console.error(`  ${index + 1}  ${printable(name)}`);
    const asked = lines.question("Which one? ", { signal }).catch(() => "");
    const answer = (await until(signal, asked)).trim();
    const found = tenants.find(({ id, name }, index) =>
      [`${index + 1}`, id, name].includes(answer),
    );
    if (!found) throw new Failure("No tenant was chosen.");
    console.error("To keep this choice for the folder, run mayfly use.");
    return found;
  } finally {
    lines.close();
  }
}

function listOf(tenants: KnownTenant[]): string {
  const lines = tenants.slice(0, shown).map(({ id, name }) => `  ${id}  ${name}`);
  const more = tenants.length > shown ? ["  … and more: mayfly status"] : [];
  return ["The project's tenants:", ...lines, ...more].join("\n");
}
