import { idOf } from "../contract/ids.ts";
import { instantOf } from "../contract/invalid.ts";
import { present } from "../link/rows.ts";
import type {
  AboutOptions,
  EntityName,
  EntityOptions,
  ListFacts,
  NewFact,
  TraverseOptions,
} from "./types.ts";

const instant = (at: Date | undefined) => (at === undefined ? undefined : instantOf(at));
const id = (given: string | undefined) => (given === undefined ? undefined : idOf(given));

/** A reference in the form that SQL expects. */
export const toReference = (name: EntityName | undefined) =>
  typeof name === "object" && name !== null && "id" in name ? { id: idOf(name.id) } : name;

/** A fact in the form that SQL expects. An undefined value counts as no value. */
export const toFactBody = ({ object, value, ...fact }: NewFact) =>
  present({
    subject: toReference(fact.subject),
    predicate: fact.predicate,
    object: toReference(object),
    value,
    many: fact.many,
    confidence: fact.confidence,
    source: fact.source,
    memory_id: id(fact.memoryId),
    visibility: fact.visibility,
    valid_from: instant(fact.validFrom),
    valid_to: instant(fact.validTo),
    expires_at: instant(fact.expiresAt),
  });

export const toList = (options: ListFacts) =>
  present({
    subject: toReference(options.subject),
    predicate: options.predicate,
    object: toReference(options.object),
    memory: id(options.memoryId),
    as_of: instant(options.asOf),
    history: options.history,
    before: id(options.before),
    page_limit: options.limit,
  });

export const toTraversal = (start: EntityName | EntityName[], options: TraverseOptions) =>
  present({
    start: Array.isArray(start) ? start.map(toReference) : toReference(start),
    hops: options.hops,
    predicates: options.predicates,
    direction: options.direction,
    as_of: instant(options.asOf),
    fan_out: options.fanOut,
    result_limit: options.limit,
  });

export const toAbout = (query: string, options: AboutOptions) =>
  present({
    query,
    memories: options.memories?.map(idOf),
    hops: options.hops,
    as_of: instant(options.asOf),
    result_limit: options.limit,
  });

export const toEntityBody = (entity: EntityName, options: EntityOptions) =>
  present({ entity: toReference(entity), ...options });
