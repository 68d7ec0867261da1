/** The common parts of the patterns: waiting for a job, and agents that read and check pages. */
import type { Agent, Mayfly } from "@mayfly/sdk";
import { dataOf } from "../tenant.ts";
import type { Model } from "./model.ts";
import { type Finding, type Page, pages } from "./task.ts";

/** Does the task with one kind of team. */
export type Pattern = (mayfly: Mayfly, model: Model) => Promise<Finding[]>;

export const pageOf = (name: string): Page => {
  const page = pages.find((one) => one.name === name);
  if (!page) throw new Error(`There is no page ${name}.`);
  return page;
};

/** Lets agents do the jobs `read` and `verify`. @returns a function that stops them. */
export async function works(agents: Agent[], model: Model): Promise<() => Promise<void>> {
  const handlers = (agent: Agent) => ({
    read: ({ page }: { page: string }) => model.read(agent.name, pageOf(page)),
    verify: ({ page, found }: { page: string; found: Finding[] }) =>
      model.check(agent.name, pageOf(page), found),
  });
  const options = { pollMs: 100 };
  const begun = await Promise.all(agents.map((agent) => agent.work(handlers(agent), options)));
  const works = begun.map(dataOf);
  return async () => void (await Promise.all(works.map((work) => work.stop())));
}

/** The result of a job, once it has ended. */
export async function resultOf<T>(mayfly: Pick<Mayfly, "jobs">, id: string): Promise<T> {
  const job = dataOf(await mayfly.jobs.ended<T>(id));
  if (job.status !== "succeeded") throw new Error(`The job ${job.name} ended as ${job.status}.`);
  return job.result as T;
}
