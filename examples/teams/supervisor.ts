/** A supervisor: it gives each page to the best reader, lets a verifier check the answer, and rates the reader. */

import { dataOf } from "../tenant.ts";
import { type Pattern, resultOf, works } from "./pattern.ts";
import { type Finding, pages } from "./task.ts";

export const supervisor: Pattern = async (mayfly, model) => {
  const members = {
    reader: { count: 3, names: ["ada", "ben", "cleo"] },
    verifier: { names: ["vera"] },
  };
  const { team, agents } = dataOf(
    await mayfly.teams.spawn("supervisor", { members, deadline: "5m" }),
  );
  const rest = await works(agents, model);
  const one = async (page: string): Promise<Finding[]> => {
    const task = { name: "read", input: { page } };
    const { job } = dataOf(await mayfly.teams.assign(task, { team: team.id, type: "reader" }));
    const found = await resultOf<Finding[]>(mayfly, job);
    const check = { name: "verify", input: { page, found } };
    const verify = dataOf(await mayfly.teams.assign(check, { team: team.id, type: "verifier" }));
    const kept = await resultOf<Finding[]>(mayfly, verify.job);
    dataOf(await mayfly.teams.rate(job, found.length === 0 ? 0 : kept.length / found.length));
    return kept;
  };
  const found = await Promise.all(pages.map(({ name }) => one(name)));
  await rest();
  dataOf(await mayfly.teams.stop(team.id, "done"));
  return found.flat();
};
