/** A market: each page is offered, readers bid by their current load, and the lowest bid gets the page. */

import { dataOf } from "../tenant.ts";
import { type Pattern, resultOf, works } from "./pattern.ts";
import { type Finding, pages } from "./task.ts";

export const market: Pattern = async (mayfly, model) => {
  const members = { reader: { count: 3, names: ["ada", "ben", "cleo"] } };
  const { team, agents } = dataOf(await mayfly.teams.spawn("market", { members, deadline: "5m" }));
  const load = new Map<string, number>();
  const won: string[] = [];
  for (const { name } of pages) {
    const task = { name: "read", input: { page: name } };
    const tender = dataOf(await mayfly.teams.tenders.open(task, { team: team.id, within: "30s" }));
    for (const [at, agent] of agents.entries()) {
      // Busy readers ask for a higher price. Among equally busy readers, the first one is the cheapest.
      const price = 1 + (load.get(agent.id) ?? 0) + at / 10;
      dataOf(await agent.teams.tenders.bid(tender.id, { price }));
    }
    const awarded = dataOf(await mayfly.teams.tenders.get(tender.id));
    if (!awarded.winner || !awarded.jobId) throw new Error(`Nobody won ${name}.`);
    load.set(awarded.winner, (load.get(awarded.winner) ?? 0) + 1);
    won.push(awarded.jobId);
  }
  const rest = await works(agents, model);
  const found = await Promise.all(won.map((id) => resultOf<Finding[]>(mayfly, id)));
  await rest();
  dataOf(await mayfly.teams.stop(team.id, "done"));
  return found.flat();
};
