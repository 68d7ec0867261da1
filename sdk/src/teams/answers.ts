/** Schemas of answers about teams. See `answer-form.ts`. */
import { z } from "zod";
import { issued } from "../agents/answers.ts";
import type { Issued } from "../agents/issued.ts";
import {
  count,
  flag,
  list,
  maybeText,
  object,
  row,
  text,
  texts,
  word,
} from "../contract/answer-form.ts";
import { toBudget } from "../costs/answers.ts";
import { seconds } from "../jobs/forms.ts";
import { fromRow, present } from "../link/rows.ts";
import type { AlertLimits, TeamAlert } from "./alert-types.ts";
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

export const teamRow = z.custom<Shown & { members: { id: string; role: string }[] }>(
  (given) =>
    z
      .object({
        id: text,
        status: word,
        name: text,
        members: list(z.looseObject({ id: text, role: text })),
      })
      .safeParse(given).success,
);
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

interface AlertRow {
  id: string;
  team: string;
  kind: TeamAlert["kind"];
  agents: string[];
  detail: Record<string, unknown>;
  status: TeamAlert["status"];
  times: number;
  found_at: string;
  handled_at: string | null;
  handled_with: string | null;
}
export const alertRow = row<AlertRow>({
  id: text,
  team: text,
  kind: word,
  agents: texts,
  detail: object,
  status: word,
  times: count,
  found_at: text,
  handled_at: maybeText,
  handled_with: maybeText,
});
export const alertRows = list(alertRow);
export const checkedTeam = row<{ alerts: AlertRow[]; open: number }>({
  alerts: alertRows,
  open: count,
});

export const toAlert = (given: AlertRow): TeamAlert => fromRow(given);

/** Leaves out undefined values, because SQL has defaults for them. */
export const toLimits = (limits: AlertLimits = {}) =>
  present({
    thinking: seconds(limits.thinking),
    executing: seconds(limits.executing),
    blocked: seconds(limits.blocked),
    window: seconds(limits.window),
    patience: seconds(limits.patience),
    repeats: limits.repeats,
    usd: limits.usd,
  });

const dateOf = (value: unknown) => (typeof value === "string" ? new Date(value) : null);
const inside = (rows: unknown) => (rows as object[] | null)?.map(fromRow) ?? null;

export const toTeam = (given: Shown) =>
  ({
    ...fromRow(given),
    deadline: dateOf(given.deadline),
    budget: given.budget ? toBudget(given.budget) : null,
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
