/**
 * A blackboard: nobody assigns work. Each agent takes an open page, writes down what it found, and takes
 * another.
 */
import type { Agent } from "@mayfly/sdk";
import { dataOf } from "../tenant.ts";
import { type Pattern, pageOf } from "./pattern.ts";
import { distinct, type Finding, pages } from "./task.ts";

interface Board {
  /** The ids of the agents that read each page. Two agents read each page. */
  readers: Record<string, string[]>;
  found: Finding[];
}

const wanted = 2;

export const blackboard: Pattern = async (mayfly, model) => {
  const members = { reader: { count: 3, names: ["ada", "ben", "cleo"] } };
  const { team, agents } = dataOf(
    await mayfly.teams.spawn("blackboard", { members, deadline: "5m" }),
  );
  const readers = Object.fromEntries(pages.map(({ name }) => [name, [] as string[]]));
  dataOf(await mayfly.teams.of(team.id).blackboard.set<Board>("pages", { readers, found: [] }));

  const work = async (agent: Agent): Promise<void> => {
    const board = agent.teams.of(team.id).blackboard;
    for (;;) {
      let taken: string | undefined;
      // If two agents take a page at the same time, one of the updates is repeated, and that agent
      // looks for a page again.
      dataOf(
        await board.update<Board>("pages", (value) => {
          const open = Object.entries(value?.readers ?? {}).filter(
            ([, by]) => by.length < wanted && !by.includes(agent.id),
          );
          taken = open.sort(([, a], [, b]) => a.length - b.length)[0]?.[0];
          if (!value || taken === undefined) return undefined;
          const by = [...(value.readers[taken] ?? []), agent.id];
          return { ...value, readers: { ...value.readers, [taken]: by } };
        }),
      );
      if (taken === undefined) return;
      const found = await model.read(agent.name, pageOf(taken));
      dataOf(
        await board.update<Board>("pages", (value) =>
          value ? { ...value, found: [...value.found, ...found] } : undefined,
        ),
      );
    }
  };
  await Promise.all(agents.map(work));
  const state = dataOf(await mayfly.teams.of(team.id).blackboard.get<Board>("pages"));
  dataOf(await mayfly.teams.stop(team.id, "done"));
  return distinct(state?.value.found ?? []);
};
