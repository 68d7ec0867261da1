import { ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import type { Link } from "../link/link.ts";
import { entityRow, entityRows, forgottenEntity, toEntity } from "./answers.ts";
import { toEntityBody } from "./forms.ts";
import type { Entity, EntityName, EntityOptions } from "./types.ts";

/** The things that facts are about: people, services, places, and their names. */
export class Entities {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Creates an entity, or changes its name, type, description and aliases. Recording a fact creates its
   * entities. Use this to add more about an entity. Needs `fact:write`.
   *
   * @returns the entity. Errors: `entity_exists` if another entity has the name or an alias,
   * `entity_ambiguous`, `invalid_request`.
   * @example
   * await agent.facts.entities.set({ name: "International Business Machines", type: "company" }, { aliases: ["IBM"] });
   */
  async set(entity: EntityName, options: EntityOptions = {}): Promise<Result<Entity>> {
    const answer = await this.#link.rpc("set_entity", toEntityBody(entity, options), entityRow);
    return answer.error ? answer : ok(toEntity(answer.data));
  }

  /**
   * Finds entities by names and aliases: exact matches first, then names that begin with the text, then names
   * that contain it. Without a text, lists all. Needs `fact:read`.
   *
   * @param options `type`; `skip`, 0 by default; `limit`, 1 to 1,000, 50 by default.
   * @example
   * const { data } = await mayfly.facts.entities.find("acme", { type: "company" });
   */
  async find(
    query?: string,
    options: { type?: string; skip?: number; limit?: number } = {},
  ): Promise<Result<Entity[]>> {
    const { type, skip, limit } = options;
    const values = {
      ...(query !== undefined && { query }),
      ...(type !== undefined && { of_type: type }),
      ...(skip !== undefined && { skip }),
      ...(limit !== undefined && { page_limit: limit }),
    };
    const answer = await this.#link.rpc("find_entities", values, entityRows);
    return answer.error ? answer : ok(answer.data.map(toEntity));
  }

  /**
   * Merges two entities. The names of the first become aliases of the second, and its facts move there. Needs
   * `fact:write`.
   *
   * @returns the second entity. Errors: `entity_unknown`.
   */
  async merge(id: string, into: string): Promise<Result<Entity>> {
    const values = { id: idOf(id), into_id: idOf(into) };
    const answer = await this.#link.rpc("merge_entities", values, entityRow);
    return answer.error ? answer : ok(toEntity(answer.data));
  }

  /**
   * Deletes an entity for good, with its names and every fact that mentions it. Needs `fact:admin`.
   *
   * @returns how many facts were deleted. Errors: `entity_unknown`.
   */
  async forget(id: string): Promise<Result<{ forgotten: number }>> {
    let forgotten = 0;
    for (;;) {
      const answer = await this.#link.rpc("forget_entity", { id: idOf(id) }, forgottenEntity);
      if (answer.error) return answer;
      forgotten += answer.data.forgotten;
      if (!answer.data.more) return ok({ forgotten });
    }
  }
}
