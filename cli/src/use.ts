import { Mayfly } from "@mayfly/sdk";
import type { Command } from "commander";
import { chooseTenant, readTenants } from "./choose-tenant.ts";
import { execute, type ProjectOptions, type Session, withProject } from "./command.ts";
import { findConnection } from "./connection.ts";
import { dataOf } from "./failure.ts";
import { printable } from "./format-values.ts";
import { writeUsed } from "./used-tenant.ts";

interface Options extends ProjectOptions {
  create?: boolean;
}

const examples = `
Examples:
  mayfly use acme              use acme for every command in this folder
  mayfly use acme --create     make it if there is none with this name
  mayfly use                   choose from a list`;

export function addUse(program: Command): void {
  const command = program
    .command("use")
    .description("choose the tenant for commands in this folder")
    .argument("[tenant]", "id or name")
    .option("--create", "create it if there is none with this name")
    .addHelpText("after", examples);
  withProject(command, { tenant: false }).action((tenant: string | undefined, options: Options) =>
    execute(options, (session) => use(tenant, options, session)),
  );
}

async function use(
  named: string | undefined,
  options: Options,
  { output, interruption }: Session,
): Promise<undefined> {
  const connection = await findConnection(options);
  const { url, key } = connection;
  if (options.create && named !== undefined) {
    await readTenants(connection);
    dataOf(await new Mayfly({ url, key }).tenants.ensure(named));
  }
  // Ignore the tenant that was chosen before.
  const asked = { ...connection, tenant: named, used: undefined };
  const { id, name } = await chooseTenant(asked, output, interruption.signal, { alone: true });
  const file = await writeUsed(process.cwd(), id);
  output.answer({ id, name, file }, () => [
    `Commands in this folder use ${printable(name)} (${id}).`,
  ]);
  return undefined;
}
