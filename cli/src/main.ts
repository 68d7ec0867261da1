import { version } from "@mayfly/sdk/contract/version";
import { Command, CommanderError } from "commander";
import { addAgents } from "./agents.ts";
import { addApprovals } from "./approvals.ts";
import { addClusters } from "./clusters.ts";
import { addCodemod } from "./codemod/command.ts";
import { addConsole } from "./console.ts";
import { addCosts } from "./costs.ts";
import { addDev } from "./dev.ts";
import { addDoctor } from "./doctor.ts";
import { addFacts } from "./facts.ts";
import { Failure, usage } from "./failure.ts";
import { addImport } from "./import/command.ts";
import { addInit } from "./init.ts";
import { addJobs } from "./jobs.ts";
import { Output } from "./output.ts";
import { addRecall } from "./recall.ts";
import { addRecommend } from "./recommend.ts";
import { addReembed } from "./reembed.ts";
import { addRemember } from "./remember.ts";
import { addRuns } from "./runs.ts";
import { addSchedules } from "./schedules.ts";
import { addSpawn } from "./spawn.ts";
import { addStats } from "./stats.ts";
import { addStatus } from "./status.ts";
import { addTail } from "./tail.ts";
import { addTeams } from "./teams.ts";
import { addTune } from "./tune.ts";
import { addUninstall } from "./uninstall.ts";
import { addUse } from "./use.ts";
import { addWorkflows } from "./workflows.ts";

const after = `
Connection: --url and --key, or MAYFLY_URL and MAYFLY_KEY (or SUPABASE_URL and SUPABASE_SECRET_KEY)
from the environment or from .env, or the project that \`mayfly dev\` serves in this folder.
Tenant: --tenant, or MAYFLY_TENANT, or the one from \`mayfly use\`, or the only one.

Exit codes: 0 success, 1 failure (doctor and status: something is wrong), 2 wrong usage,
130 stopped by Ctrl-C, 143 by SIGTERM.

Examples:
  mayfly init ~/my-app            add Mayfly to a Supabase project
  mayfly doctor                   what is wrong, and how to fix it
  mayfly tail --since 10m         what happens
  mayfly <command> --help         more examples`;

const json = process.argv.includes("--json");
const program = new Command("mayfly")
  .description("A backend for teams of AI agents, built on a Supabase project.")
  .version(version)
  .addHelpText("after", after)
  .showHelpAfterError(false)
  // Options after a command's own subcommand belong to that subcommand.
  .enablePositionalOptions()
  .exitOverride()
  // Errors are reported once, below.
  .configureOutput({ outputError: () => {} });

const commands = [
  addInit,
  addDev,
  addUse,
  addDoctor,
  addSpawn,
  addAgents,
  addStats,
  addStatus,
  addTail,
  addConsole,
  addJobs,
  addSchedules,
  addWorkflows,
  addApprovals,
  addRuns,
  addCosts,
  addRemember,
  addRecall,
  addRecommend,
  addClusters,
  addFacts,
  addTeams,
  addReembed,
  addTune,
  addCodemod,
  addImport,
  addUninstall,
];
for (const add of commands) add(program);

// In `mayfly --help | head`, head may close the output early, which is not an error. For the output
// of commands, `execute` takes care of this.
process.stdout.on("error", () => {});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError || error instanceof Failure)) throw error;
  if (error.exitCode !== 0) {
    // Without a command, commander has printed the help.
    if (error.code !== "commander.help")
      new Output(json).failure(error instanceof Failure ? error : failureOf(error));
    process.exitCode = 2;
  }
}

function failureOf(error: CommanderError): Failure {
  const message = error.message.replace(/^error: /, "");
  const named = program.commands.find((command) => command.name() === process.argv[2]);
  const hint = named
    ? `See: mayfly ${named.name()} --help`
    : "See: mayfly --help, or mayfly <command> --help";
  return usage(message.charAt(0).toUpperCase() + message.slice(1), hint);
}
