import type { Command } from "commander";
import { execute, type ProjectOptions, type Session, withProject } from "./command.ts";
import { findConnection } from "./connection.ts";
import { checkAgents } from "./doctor-agents.ts";
import { checkDatabase } from "./doctor-database.ts";
import { checkEntry } from "./doctor-entry.ts";
import { checkFunctions } from "./doctor-functions.ts";
import { checkRealtime } from "./doctor-realtime.ts";
import { type Finding, type ShownFinding, shownAt } from "./finding.ts";
import { count } from "./format-values.ts";
import { startCommandAt } from "./here.ts";
import { until } from "./interruption.ts";
import type { Output } from "./output.ts";

const examples = `
It spawns an agent in a tenant that it makes for the purpose and erases again.

Examples:
  mayfly doctor
  mayfly doctor --json | jq -r '.findings[] | select(.state == "error") | .hint'`;

export function addDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description(
      "check URL, key, schema, migrations, policies, functions, signing key and Realtime",
    )
    .addHelpText("after", examples);
  withProject(command, { tenant: false }).action((options: ProjectOptions) =>
    execute(options, (session) => doctor(options, session)),
  );
}

async function doctor(options: ProjectOptions, session: Session): Promise<number> {
  const { output, interruption } = session;
  const connection = await findConnection(options);
  const start = await startCommandAt(connection.url);
  const findings: ShownFinding[] = [];
  const add = (given: Finding[]) => {
    const found = given.map((finding) => shownAt(finding, start));
    findings.push(...found);
    if (!output.json)
      for (const finding of found) for (const line of linesOf(finding, output)) output.line(line);
  };
  const step = async (checks: Promise<Finding[]>) => {
    const found = await checks;
    add(found);
    if (interruption.signal.aborted) throw interruption.signal.reason;
    return found.every(({ state }) => state !== "error");
  };

  if (!output.json) output.line(`${connection.url}\n`);
  const entered = await until(interruption.signal, checkEntry(connection));
  add(entered.findings);
  const { stop } = entered;
  if (stop !== "url") {
    if (stop === null) await step(checkDatabase(connection));
    const deployed = await step(checkFunctions(connection));
    const joinable = await step(checkRealtime(connection, stop !== "key"));
    await step(checkAgents(connection, { stop, deployed, joinable }));
  }
  const tally = (state: Finding["state"]) =>
    findings.filter((found) => found.state === state).length;
  const errors = tally("error");
  const summary = `${count(errors, "error")}, ${count(tally("warning"), "warning")}, ${tally("skipped")} skipped, ${tally("ok")} ok`;
  if (output.json) output.answer({ url: connection.url, ok: errors === 0, findings }, () => []);
  else output.line(`\n${summary}`);
  return errors === 0 ? 0 : 1;
}

const marks = {
  ok: ["green", "ok"],
  warning: ["yellow", "warning"],
  error: ["red", "error"],
  skipped: ["dim", "skipped"],
} as const;

function linesOf({ check, state, message, hint }: ShownFinding, output: Output): string[] {
  const [colour, word] = marks[state];
  return [
    `${output.paint(colour, word.padEnd(7))}  ${check.padEnd(17)}  ${message}`,
    ...(hint === null ? [] : [`${" ".repeat(27)}→ ${output.paint("bold", hint)}`]),
  ];
}
