/** An orchestrator: it splits the work into jobs, and any free worker takes the next one. */

import { dataOf } from "../tenant.ts";
import { type Pattern, resultOf, works } from "./pattern.ts";
import { type Finding, pages } from "./task.ts";

export const orchestrator: Pattern = async (mayfly, model) => {
  const members = { worker: { count: 3, names: ["ada", "ben", "cleo"] } };
  const { team, agents } = dataOf(
    await mayfly.teams.spawn("orchestrator", { members, deadline: "5m" }),
  );
  const jobs = pages.map(({ name }) => ({ name: "read", input: { page: name } }));
  const added = dataOf(await mayfly.jobs.add(jobs));
  const rest = await works(agents, model);
  const found = await Promise.all(added.map(({ id }) => resultOf<Finding[]>(mayfly, id)));
  await rest();
  dataOf(await mayfly.teams.stop(team.id, "done"));
  return found.flat();
};
