/** Peers: each reads everything alone, then they vote on all findings. Ballots are sealed. */

import { dataOf } from "../tenant.ts";
import type { Pattern } from "./pattern.ts";
import { distinct, type Finding, pages } from "./task.ts";

export const peers: Pattern = async (mayfly, model) => {
  const members = { peer: { count: 3, names: ["ada", "ben", "cleo"] } };
  const { team, agents } = dataOf(await mayfly.teams.spawn("peers", { members, deadline: "5m" }));
  const read = await Promise.all(
    agents.map(async (agent) => ({
      agent,
      found: (await Promise.all(pages.map((page) => model.read(agent.name, page)))).flat(),
    })),
  );
  const kept: Finding[] = [];
  for (const one of distinct(read.flatMap(({ found }) => found))) {
    const question = `Is "${one.words}" in ${one.page} a mistake?`;
    const { id } = dataOf(
      await mayfly.teams.polls.open(question, { team: team.id, within: "30s" }),
    );
    for (const { agent, found } of read) {
      const saw = found.some(({ page, words }) => page === one.page && words === one.words);
      const { error } = await agent.teams.polls.vote(id, saw ? "yes" : "no");
      if (error?.code === "poll_closed") break; // the remaining votes could no longer change the result
      if (error) throw error;
    }
    const { outcome } = dataOf(await mayfly.teams.polls.get(id));
    if (outcome?.winner === "yes") kept.push(one);
  }
  dataOf(await mayfly.teams.stop(team.id, "done"));
  return kept;
};
