import type { Mayfly, Team, TeamAlert } from "@mayfly/sdk";
import type { Command } from "commander";
import { AgentNames } from "./agent-names.ts";
import { idOf, pointTo } from "./arguments.ts";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf, Failure } from "./failure.ts";
import { duration, printable, shorten } from "./format-values.ts";
import { openProject } from "./project.ts";

interface TeamsOptions extends ProjectOptions {
  ended?: boolean;
  every?: boolean;
  reason?: string;
  limit: number;
}

const examples = `
Examples:
  mayfly teams                          teams that run
  mayfly teams 0198f0c2-…               one, with its members, its budget and its alerts
  mayfly teams stop 0198f0c2-…          end it, with its members
  mayfly teams polls                    polls, with their outcomes
  mayfly teams bids                     tenders, with their bids once they are over
  mayfly teams artifacts 0198f0c2-…     its files
  mayfly teams alerts 0198f0c2-…        its alerts`;

type Verb = (id: string | undefined, options: TeamsOptions, session: Session) => Promise<undefined>;

export function addTeams(program: Command): void {
  const teams = program
    .command("teams")
    .argument("[id]", "id of a team to show, with its members", idOf("a team"))
    .description("list teams, or show one")
    .option("--ended", "list teams that have ended")
    .option("--limit <number>", "list at most this many", whole(1, 1_000), 50)
    .addHelpText("after", examples)
    .enablePositionalOptions();
  withProject(teams).action((id: string | undefined, options: TeamsOptions) =>
    execute(options, (session) => (id ? show : listTeams)(id, options, session)),
  );
  const verb = (name: string, argument: string, description: string, act: Verb) => {
    const command = teams
      .command(name)
      .argument(argument, "the id of a team", idOf("a team"))
      .description(description)
      .option("--limit <number>", "list at most this many", whole(1, 1_000), 50);
    if (name === "stop") command.option("--reason <text>", "reason, which others see");
    if (name === "alerts") command.option("--every", "include alerts that are over");
    withProject(command).action((id: string | undefined, options: TeamsOptions) =>
      execute(options, (session) => act(id, options, session)),
    );
  };
  verb("stop", "<id>", "end a team with its members", stop);
  verb("polls", "[id]", "list polls and their outcomes", polls);
  verb("bids", "[id]", "list tenders and their bids", bids);
  verb("artifacts", "[id]", "list files of a team or of the tenant", artifacts);
  verb("alerts", "[id]", "list alerts of teams", alerts);
  pointTo(teams, { show: "mayfly teams <id>", list: "mayfly teams" });
}

/** The team with this id. Fails if there is none, so that nothing of it looks like an empty list. */
async function teamOf(mayfly: Mayfly, id: string): Promise<Team> {
  const team = dataOf(await mayfly.teams.get(id));
  if (team) return team;
  throw new Failure(`There is no team ${id}.`, {
    code: "team_unknown",
    hint: "To list teams: mayfly teams",
  });
}

const listTeams: Verb = async (_id, options, { output }) => {
  const { mayfly } = await openProject(options, output);
  const status = options.ended ? "ended" : "running";
  const teams = dataOf(await mayfly.teams.list({ status, limit: options.limit }));
  output.answer({ teams }, () =>
    teams.length === 0
      ? [`There are no teams that ${options.ended ? "have ended" : "are running"}.`]
      : output.table(
          ["NAME", "LIVING", "LEAD", "SPENT", "ALERTS", "UNTIL", "ID"],
          teams.map(cellsOf),
        ),
  );
  return undefined;
};

const leadOf = ({ lead, members }: Team) => members.find(({ id }) => id === lead)?.name ?? "";
const spentOf = ({ budget }: Team) =>
  budget
    ? `${budget.spentUsd.toFixed(4)}${budget.hardUsd === null ? "" : ` of ${budget.hardUsd}`} USD`
    : "";

const cellsOf = (team: Team) => [
  printable(team.name),
  `${team.living} of ${team.members.length}`,
  printable(leadOf(team)),
  spentOf(team),
  String(team.alerts),
  team.deadline?.toISOString() ?? "",
  team.id,
];

const show: Verb = async (id, options, { output }) => {
  const { mayfly } = await openProject(options, output);
  const team = await teamOf(mayfly, id ?? "");
  output.answer({ team }, () => [
    ...output.table(["NAME", "LIVING", "LEAD", "SPENT", "ALERTS", "UNTIL", "ID"], [cellsOf(team)]),
    ...(team.task ? [`Task: ${printable(team.task)}`] : []),
    ...(team.channel ? [`Channel: ${printable(team.channel)}`] : []),
    ...output.table(
      ["ROLE", "MEMBER", "TYPE", "STATUS", "ACTIVITY", "ID"],
      team.members.map((member) =>
        [member.role, member.name, member.type, member.status, member.activity, member.id].map(
          printable,
        ),
      ),
    ),
  ]);
  return undefined;
};

const stop: Verb = async (id, options, { output }) => {
  const { mayfly } = await openProject(options, output);
  const team = dataOf(await mayfly.teams.stop(id ?? "", options.reason));
  output.answer({ team }, () => [`${printable(team.name)} has ended, with its members.`]);
  return undefined;
};

const polls: Verb = async (id, options, { output }) => {
  const { mayfly } = await openProject(options, output);
  if (id) await teamOf(mayfly, id);
  const found = dataOf(
    await mayfly.teams.polls.list({ limit: options.limit, ...(id && { team: id }) }),
  );
  output.answer({ polls: found }, () =>
    found.length === 0
      ? ["There are no polls."]
      : output.table(
          ["QUESTION", "RULE", "STATUS", "RESULT", "WINNER", "BALLOTS", "ID"],
          found.map(({ question, rule, status, outcome, id: poll }) => [
            shorten(printable(question), 60),
            rule,
            status,
            outcome?.result ?? "",
            printable(outcome?.winner ?? ""),
            // While a poll is open, nobody knows how many ballots there are.
            outcome ? String(outcome.ballots) : "sealed",
            poll,
          ]),
        ),
  );
  return undefined;
};

const bids: Verb = async (id, options, { output }) => {
  const project = await openProject(options, output);
  const { mayfly } = project;
  if (id) await teamOf(mayfly, id);
  const found = dataOf(
    await mayfly.teams.tenders.list({ limit: options.limit, ...(id && { team: id }) }),
  );
  const names = new AgentNames(project);
  if (!output.json)
    await names.learn(found.flatMap((tender) => (tender.bids ?? []).map(({ agent }) => agent)));
  output.answer({ tenders: found }, () =>
    found.length === 0
      ? ["There are no tenders."]
      : output.table(
          ["JOB", "STATUS", "BIDDER", "PRICE", "SCORE", "NOTE", "TENDER"],
          found.flatMap((tender) => {
            const job = printable(String(tender.job.name ?? ""));
            if (!tender.bids?.length) return [[job, tender.status, "", "", "", "", tender.id]];
            return tender.bids.map((bid) => [
              job,
              bid.agent === tender.winner ? `${tender.status}, won` : tender.status,
              printable(names.of(bid.agent) ?? bid.agent),
              String(bid.price),
              String(bid.score),
              shorten(printable(bid.note ?? ""), 40),
              tender.id,
            ]);
          }),
        ),
  );
  return undefined;
};

const artifacts: Verb = async (id, options, { output }) => {
  const { mayfly } = await openProject(options, output);
  if (id) await teamOf(mayfly, id);
  const files = id ? mayfly.artifacts.of(id) : mayfly.artifacts;
  const found = dataOf(await files.list({ limit: options.limit }));
  output.answer({ artifacts: found }, () =>
    found.length === 0
      ? ["There are no files."]
      : output.table(
          ["NAME", "VERSION", "BYTES", "TYPE", "STORED", "ID"],
          found.map((artifact) => [
            printable(artifact.name),
            String(artifact.version),
            String(artifact.size),
            printable(artifact.mediaType),
            artifact.createdAt.toISOString(),
            artifact.id,
          ]),
        ),
  );
  return undefined;
};

const alerts: Verb = async (id, options, { output }) => {
  const project = await openProject(options, output);
  const { mayfly } = project;
  const teams = id
    ? [await teamOf(mayfly, id)]
    : dataOf(await mayfly.teams.list({ status: "running" }));
  const found: TeamAlert[] = [];
  for (const team of teams) {
    const { every = false } = options;
    found.push(...dataOf(await mayfly.teams.of(team.id).alerts({ every })));
  }
  const names = new AgentNames(project);
  if (!output.json) await names.learn(found.flatMap(({ agents }) => agents));
  output.answer({ alerts: found }, () =>
    found.length === 0
      ? ["There are no alerts."]
      : output.table(
          ["KIND", "SINCE", "TIMES", "DONE", "DETAIL", "AGENTS"],
          found.map((alert) => [
            alert.kind,
            `${duration(Date.now() - alert.foundAt.getTime())} ago`,
            String(alert.times),
            printable(alert.handledWith ?? ""),
            shorten(printable(JSON.stringify(alert.detail)), 60),
            alert.agents.map((agent) => printable(names.of(agent) ?? agent)).join(" "),
          ]),
        ),
  );
  return undefined;
};
