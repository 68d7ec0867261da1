import type { Usage } from "@mayfly/sdk";
import { fromDataApi, type StatisticsRow, statisticsRow } from "@mayfly/sdk/internal";
import type { Command } from "commander";
import { AgentNames } from "./agent-names.ts";
import { execute, type ProjectOptions, type Session, withProject } from "./command.ts";
import { dataOf } from "./failure.ts";
import { printable, size } from "./format-values.ts";
import type { Output } from "./output.ts";
import { openProject } from "./project.ts";

interface Statistics extends StatisticsRow {
  by_agent: { agent_id: string | null; memories: number; name?: string | null }[];
}

/** How many agents the table for people shows. With --json, the output has up to 100 agents. */
const shown = 10;

const examples = `
Examples:
  mayfly stats
  mayfly stats --tenant acme --json | jq .memory.by_kind`;

export function addStats(program: Command): void {
  const command = program
    .command("stats")
    .description("show counts of memories and usage of the tenant")
    .addHelpText("after", examples);
  withProject(command).action((options: ProjectOptions) =>
    execute(options, (session) => stats(options, session)),
  );
}

async function stats(options: ProjectOptions, { output }: Session): Promise<undefined> {
  const project = await openProject(options, output);
  const { mayfly, tenant } = project;
  const [statistics, usage] = await Promise.all([
    mayfly.client.rpc("memory_statistics"),
    mayfly.tenants.usage(),
  ]);
  const memory = dataOf(fromDataApi(statistics, statisticsRow)) as Statistics;
  const names = new AgentNames(project);
  await names.learn(memory.by_agent.map(({ agent_id }) => agent_id));
  for (const row of memory.by_agent) row.name = names.of(row.agent_id);
  const used = dataOf(usage);
  output.answer({ tenant, memory, usage: used }, () => linesOf(memory, used, output));
  return undefined;
}

function linesOf(memory: Statistics, usage: Usage, output: Output): string[] {
  const of = (
    used: number,
    limit: number | null | undefined,
    text: (value: number) => string = String,
  ) => (limit ? `${text(used)} of ${text(limit)}` : text(used));
  const number = (value: number) => value.toLocaleString("en-US");
  const tally = (counts: Record<string, number>) =>
    Object.entries(counts)
      .sort(([, a], [, b]) => b - a)
      .map(([name, times]) => `${name} ${number(times)}`)
      .join(", ") || "none";
  const { limits } = usage;
  const agents = memory.by_agent.slice(0, shown);
  return [
    ...output.fields([
      ["memories", of(usage.memories, limits.max_memories, number)],
      ["bytes", of(usage.bytes, limits.max_bytes, size)],
      [
        "new",
        `${number(memory.last_hour)} in the last hour, ${number(memory.last_day)} in the last day`,
      ],
      ["kinds", tally(memory.by_kind)],
      ["private", number(memory.private)],
      ["vectors", tally(memory.with_vector)],
      ["without", number(memory.without_vector)],
      ["conflicts", number(memory.conflicts)],
      ["agents", of(usage.living_agents, limits.max_living_agents, number)],
      ["spawns left", number(usage.spawns_left)],
      ["writes", `${of(usage.writes_this_minute, limits.writes_per_minute, number)} this minute`],
    ]),
    ...(agents.length > 0
      ? [
          "",
          ...output.table(
            ["MEMORIES", "AGENT", "ID"],
            agents.map(({ agent_id, memories, name }) => [
              number(memories),
              agent_id === null ? "people and the secret key" : printable(name ?? ""),
              agent_id ?? "",
            ]),
          ),
        ]
      : []),
  ];
}
