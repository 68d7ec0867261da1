import type { SpawnOptions } from "@mayfly/sdk";
import type { Command } from "commander";
import { execute, list, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf } from "./failure.ts";
import { printable } from "./format-values.ts";
import { openProject } from "./project.ts";

interface Options extends ProjectOptions {
  name?: string;
  type?: string;
  lifetime?: number;
  scopes?: string[];
  capabilities?: string[];
  task?: string;
  showToken?: boolean;
}

const examples = `
Examples:
  mayfly spawn --name analyst --lifetime 60
  mayfly spawn --type reviewer --scopes memory:read,memory:write
  mayfly spawn --json | jq -r .token
  mayfly spawn --show-token          the secret that renews it, too`;

export function addSpawn(program: Command): void {
  const command = program
    .command("spawn")
    .description("spawn an agent, which lives until its lifetime ends unless its secret renews it")
    .option("--name <name>", "name, unique among living agents (default: picked for you)")
    .option("--type <type>", "agent type, which fills in what you leave out")
    .option(
      "--lifetime <seconds>",
      "lifetime, 5 to the tenant's maximum (default: 300)",
      whole(5, 31_536_000),
    )
    .option("--scopes <scopes>", "scopes, separated by commas", list)
    .option("--capabilities <words>", "capabilities, separated by commas", list)
    .option("--task <text>", "what it is for")
    .option("--show-token", "print its token and the secret that renews it")
    .addHelpText("after", examples);
  withProject(command).action((options: Options) =>
    execute(options, (session) => spawn(options, session)),
  );
}

async function spawn(options: Options, { output }: Session): Promise<undefined> {
  const { name, type, lifetime, scopes, capabilities, task } = options;
  const { mayfly } = await openProject(options, output);
  const asked: SpawnOptions = {
    ...(name !== undefined && { name }),
    ...(type !== undefined && { type }),
    ...(lifetime !== undefined && { lifetime }),
    ...(scopes && { scopes }),
    ...(capabilities && { capabilities }),
    ...(task !== undefined && { task }),
  };
  const { agent, token, token_expires_at, renewal_secret } = dataOf(
    await mayfly.agents.issue(asked),
  );
  // With --json, a program has asked for the token. Without the renewal secret, the token works for
  // only two minutes.
  const secrets = { token, ...(options.showToken && { renewalSecret: renewal_secret }) };
  const answer = {
    id: agent.id,
    name: agent.name,
    type: agent.type,
    scopes: agent.scopes,
    expiresAt: agent.expires_at,
    tokenExpiresAt: token_expires_at,
    ...secrets,
  };
  output.answer(answer, () =>
    output.fields([
      ["id", agent.id],
      ["name", printable(agent.name)],
      ["type", agent.type],
      ["scopes", agent.scopes.join(" ")],
      ["lives until", agent.expires_at],
      ["token until", token_expires_at],
      ...(options.showToken
        ? ([
            ["token", token],
            ["renewal secret", renewal_secret],
          ] as [string, string][])
        : []),
    ]),
  );
  return undefined;
}
