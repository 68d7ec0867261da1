import { ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { instantOf } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";
import type { Recall, RecallOptions } from "../memory/recall.ts";
import {
  endedRow,
  factRows,
  forgottenRow,
  graphRow,
  recordedRows,
  retentionRow,
  toFact,
  toGraph,
  toRecorded,
} from "./answers.ts";
import { Entities } from "./entities.ts";
import { toAbout, toFactBody, toList, toTraversal } from "./forms.ts";
import type {
  AboutOptions,
  EntityName,
  Fact,
  FactGraph,
  FactRecall,
  FactRecallOptions,
  ListFacts,
  MentionedEntity,
  NewFact,
  RecordedFact,
  TraverseOptions,
} from "./types.ts";

/**
 * Facts about entities, and since when they are true. Mayfly does not extract them from texts: you do that,
 * with any model.
 */
export class Facts {
  readonly entities: Entities;
  readonly #link: Link;
  readonly #recall: (query: string, options: RecallOptions) => Promise<Result<Recall>>;

  /**
   * @internal
   * @param recall recalls memories with the rights of the same caller.
   */
  constructor(
    link: Link,
    recall: (query: string, options: RecallOptions) => Promise<Result<Recall>>,
  ) {
    this.#link = link;
    this.#recall = recall;
    this.entities = new Entities(link);
  }

  /**
   * Records up to 500 facts, all or none. A newer fact with the same subject and predicate replaces the older
   * one. The older fact ends, but is kept. With `many`, facts with different objects exist side by side.
   * Recording the same fact again confirms it. New entities are created. Needs `fact:write`.
   *
   * @returns what happened to each fact. Errors: `invalid_request` with `details.field` and
   * `details.index`, `entity_ambiguous`, `entity_unknown`, `memory_unknown`, `quota_exceeded`.
   * @example
   * const { data } = await agent.facts.record([
   *   { subject: { name: "Ada", type: "person" }, predicate: "works at", object: { name: "Acme", type: "company" } },
   *   { subject: "Ada", predicate: "languages", value: "French", many: true, confidence: 0.8 },
   * ]);
   */
  async record(facts: NewFact | NewFact[]): Promise<Result<RecordedFact[]>> {
    const values = { facts: [facts].flat().map(toFactBody) };
    const answer = await this.#link.rpc("record_facts", values, recordedRows);
    return answer.error ? answer : ok(answer.data.map(toRecorded));
  }

  /**
   * Lists facts, newest first. You can ask for those of a subject, a predicate, an object or a
   * memory. It returns the facts that are true now, those that were true at another time (`asOf`),
   * or all of them (`history`). Needs `fact:read`.
   *
   * @returns `entity_unknown` if there is no entity with this name.
   * @example
   * const { data } = await agent.facts.list({ subject: "Ada", asOf: new Date("2025-01-01") });
   */
  async list(options: ListFacts = {}): Promise<Result<Fact[]>> {
    const answer = await this.#link.rpc("list_facts", toList(options), factRows);
    return answer.error ? answer : ok(answer.data.map((one) => toFact(one)));
  }

  /**
   * Follows facts from entities over one to three hops. The result has a limited size, and no entity is visited
   * twice. Needs `fact:read`.
   *
   * @example
   * const { data } = await agent.facts.traverse("billing", { hops: 2, predicates: ["depends on"] });
   * for (const { name, hops } of data?.entities ?? []) console.log(hops, name);
   */
  async traverse(
    start: EntityName | EntityName[],
    options: TraverseOptions = {},
  ): Promise<Result<FactGraph>> {
    const answer = await this.#link.rpc("traverse_facts", toTraversal(start, options), graphRow);
    return answer.error ? answer : ok(toGraph(answer.data));
  }

  /**
   * Returns facts about the entities that a text names, and facts that were extracted from memories. Needs
   * `fact:read`.
   *
   * @example
   * const { data } = await agent.facts.about("Who owns the billing service?");
   */
  async about(
    query: string,
    options: AboutOptions = {},
  ): Promise<Result<FactGraph<MentionedEntity>>> {
    const answer = await this.#link.rpc("facts_about", toAbout(query, options), graphRow);
    return answer.error ? answer : ok(toGraph<MentionedEntity>(answer.data));
  }

  /**
   * Recalls memories like `memory.recall`, and adds the facts about entities that the question names, and
   * facts that were extracted from the memories it found. Needs `memory:read` and `fact:read`.
   *
   * @returns the memories, even if the facts could not be read. `factsProblem` then says why.
   * @example
   * const { data } = await agent.facts.recall("Who owns the billing service?", { limit: 5 });
   * for (const { subject, predicate, object } of data?.facts ?? []) console.log(subject.name, predicate, object?.name);
   */
  async recall(query: string, options: FactRecallOptions = {}): Promise<Result<FactRecall>> {
    const { facts = {}, ...rest } = options;
    const recalled = await this.#recall(query, rest);
    if (recalled.error) return recalled;
    const memories = recalled.data.results.map(({ id }) => id);
    const known = await this.about(query, { ...facts, memories });
    return ok({
      ...recalled.data,
      entities: known.data?.entities ?? [],
      facts: known.data?.facts ?? [],
      factsTruncated: known.data?.truncated ?? false,
      factsProblem: known.error?.message ?? null,
    });
  }

  /**
   * Ends facts, without new facts that replace them: from now on, or from `at`, they are no longer true. They
   * are kept. Needs `fact:write`.
   *
   * @returns the ids of facts that had not ended before. Errors: `fact_unknown`.
   */
  async end(
    ids: string | string[],
    { at }: { at?: Date } = {},
  ): Promise<Result<{ ended: string[] }>> {
    const values = { ids: [ids].flat().map(idOf), ...(at && { at: instantOf(at) }) };
    return this.#link.rpc("end_facts", values, endedRow);
  }

  /**
   * Deletes facts for good: by their ids, or all that were extracted from a memory. An agent can delete facts
   * that it or its descendants recorded, or any with `fact:admin`. Needs `fact:write`.
   *
   * @returns how many facts were deleted. Errors: `fact_unknown`, `scope_missing`.
   * @example
   * await agent.facts.forget({ memoryId });
   */
  async forget(
    which: string | string[] | { memoryId: string },
  ): Promise<Result<{ forgotten: number }>> {
    const values =
      typeof which === "string" || Array.isArray(which)
        ? { ids: [which].flat().map(idOf) }
        : { memory: idOf(which.memoryId) };
    return this.#link.rpc("forget_facts", values, forgottenRow);
  }

  /**
   * Sets how many seconds a fact is kept after its end. Null, the default, keeps it forever. Needs
   * `fact:admin`.
   */
  async setRetention(endedKept: number | null): Promise<Result<{ endedKept: number | null }>> {
    const values = endedKept === null ? {} : { ended_kept: endedKept };
    const answer = await this.#link.rpc("set_fact_retention", values, retentionRow);
    return answer.error ? answer : ok({ endedKept: answer.data.ended_kept });
  }
}
