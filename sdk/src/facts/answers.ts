/** Schemas of answers about facts. See `answer-form.ts`. */
import { z } from "zod";
import {
  count,
  flag,
  list,
  maybeText,
  row,
  text,
  texts,
  value,
  word,
} from "../contract/answer-form.ts";
import { fromRow } from "../link/rows.ts";
import type { Entity, Fact, NamedEntity, ReachedEntity, RecordedFact } from "./types.ts";

interface RecordedRow {
  id: string;
  status: RecordedFact["status"];
  superseded: string[];
  subject: string;
  object: string | null;
  valid_from: string;
  valid_to: string | null;
}
export const recordedRows = list(
  row<RecordedRow>({
    id: text,
    status: word,
    superseded: texts,
    subject: text,
    object: maybeText,
    valid_from: text,
    valid_to: maybeText,
  }),
);

const named = row<NamedEntity>({ id: text, type: text, name: text });
export interface FactRow {
  id: string;
  subject: NamedEntity;
  predicate: string;
  object: NamedEntity | null;
  value?: unknown;
  valid_from: string;
  valid_to: string | null;
}
const fact = {
  id: text,
  subject: named,
  predicate: text,
  object: named.nullable(),
  value,
  valid_from: text,
  valid_to: maybeText,
};
export const factRows = list(z.object(fact) as unknown as z.ZodType<FactRow>);

export interface EntityRow extends NamedEntity {
  aliases: string[];
  description: string;
}
const entity = { id: text, type: text, name: text, aliases: texts, description: text };
export const entityRow = row<EntityRow>(entity);
export const entityRows = list(entityRow);

export interface GraphRow {
  entities: (EntityRow & { hops: number; via: string | null })[];
  facts: (FactRow & { hop: number })[];
  truncated: boolean;
}
export const graphRow = z.object({
  entities: list(z.object({ ...entity, hops: count, via: maybeText })),
  facts: list(z.object({ ...fact, hop: count })),
  truncated: flag,
}) as unknown as z.ZodType<GraphRow>;

export const endedRow = row<{ ended: string[] }>({ ended: texts });
export const forgottenRow = row<{ forgotten: number }>({ forgotten: count });
export const forgottenEntity = row<{ forgotten: number; more: boolean }>({
  forgotten: count,
  more: flag,
});
export const retentionRow = row<{ ended_kept: number | null }>({ ended_kept: count.nullable() });

/** Also converts `valid_from` and `valid_to` to dates, because their names do not end in `_at`. */
const withSpan = (given: { valid_from: string; valid_to: string | null }) => ({
  ...fromRow(given),
  validFrom: new Date(given.valid_from),
  validTo: given.valid_to === null ? null : new Date(given.valid_to),
});
export const toRecorded = (given: RecordedRow) => withSpan(given) as RecordedFact;
export const toFact = <Shown extends Fact = Fact>(given: FactRow) =>
  withSpan(given) as unknown as Shown;
export const toEntity = (given: EntityRow) => fromRow(given) as unknown as Entity;
export const toGraph = <Reached extends ReachedEntity>({
  entities,
  facts,
  truncated,
}: GraphRow) => ({
  entities: entities.map((one) => toEntity(one) as Reached),
  facts: facts.map((one) => toFact<Fact & { hop: number }>(one)),
  truncated,
});
