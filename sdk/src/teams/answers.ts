/** Schemas of answers about teams. See `answer-form.ts`. */
import { z } from "zod";
import { issued } from "../agents/answers.ts";
import type { Issued } from "../agents/issued.ts";
import { count, flag, list, row, text, texts, word } from "../contract/answer-form.ts";
import { fromRow } from "../link/rows.ts";
import type { Assigned, Poll, Rated, Team, Tender } from "./types.ts";

interface Shown {
  id: string;
  status: string;
  [more: string]: unknown;
}
const shown = <Fields extends z.ZodRawShape>(fields: Fields) => {
  const form = z.object({ id: text, status: word, ...fields });
  return z.custom<Shown>((given) => form.safeParse(given).success);
};

export const teamRow = shown({ name: text, members: list(z.looseObject({ id: text })) });
export const teamRows = list(teamRow);
export const spawnedTeam = row<{ team: Shown; agents: Issued[] }>({
  team: teamRow,
  agents: list(issued),
});
export const pollRow = shown({ question: text, options: texts, deadline: text });
export const tenderRow = shown({ rule: word, deadline: text });
export const assignedRow = row<Assigned>({
  job: text,
  agent: text,
  existing: flag,
  load: count.optional(),
  record: count.optional(),
});
export const ratedRow = row<Rated>({
  job: text,
  agent: text,
  type: text,
  work: text,
  reward: count,
  rated: count,
  record: count,
});

const dateOf = (value: unknown) => (typeof value === "string" ? new Date(value) : null);
const inside = (rows: unknown) => (rows as object[] | null)?.map(fromRow) ?? null;

export const toTeam = (given: Shown) =>
  ({
    ...fromRow(given),
    deadline: dateOf(given.deadline),
    members: inside(given.members),
  }) as unknown as Team;

export const toPoll = (given: Shown) =>
  ({
    ...fromRow(given),
    deadline: dateOf(given.deadline),
    ballots: inside(given.ballots),
  }) as unknown as Poll;

export const toTender = (given: Shown) =>
  ({
    ...fromRow(given),
    deadline: dateOf(given.deadline),
    bids: inside(given.bids),
  }) as unknown as Tender;
