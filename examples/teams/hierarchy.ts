/**
 * A hierarchy: an editor spawns two leads, and each lead spawns two readers. None of them has more rights than
 * the editor.
 */
import type { Agent } from "@mayfly/sdk";
import { dataOf } from "../tenant.ts";
import { type Pattern, resultOf, works } from "./pattern.ts";
import { distinct, type Finding, type Page, pages } from "./task.ts";

const scopes = [
  "agent:spawn",
  "agent:read",
  "team:read",
  "team:manage",
  "job:read",
  "job:add",
  "job:work",
];

export const hierarchy: Pattern = async (mayfly, model) => {
  const lead = { type: "editor", scopes };
  const { team, lead: editor } = dataOf(
    await mayfly.teams.spawn("hierarchy", { lead, deadline: "5m" }),
  );
  if (!editor) throw new Error("The team has no lead.");
  const half = Math.ceil(pages.length / 2);
  const halves = [pages.slice(0, half), pages.slice(half)];
  const found = await Promise.all(halves.map((part, n) => below(editor, n, part)));
  dataOf(await mayfly.teams.stop(team.id, "done"));
  return distinct(found.flat());

  /** A lead with two readers, each of which reads all of the lead's pages. */
  async function below(parent: Agent, n: number, part: Page[]): Promise<Finding[]> {
    const { lead: chief } = dataOf(
      await parent.teams.spawn(`half ${n}`, { lead: { type: "lead", scopes }, channel: false }),
    );
    if (!chief) throw new Error("The team has no lead.");
    const names = ["ada", "ben", "cleo", "dan"].slice(2 * n, 2 * n + 2);
    const members = { reader: { count: 2, names, scopes: ["job:work", "job:read"] } };
    const readers = dataOf(await chief.teams.spawn(`readers ${n}`, { members, channel: false }));
    const rest = await works(readers.agents, model);
    const twice = part.flatMap(({ name }) => readers.agents.map(({ id }) => ({ name, id })));
    const jobs = twice.map(({ name, id }) => ({
      name: "read",
      input: { page: name },
      target: { agent: id },
    }));
    const added = dataOf(await chief.jobs.add(jobs));
    const found = await Promise.all(added.map(({ id }) => resultOf<Finding[]>(chief, id)));
    await rest();
    return found.flat();
  }
};
