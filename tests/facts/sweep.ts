/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { rpc } from "#harness/callers";
import type { Attack, RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    fact: string;
    entity: string;
    otherEntity: string;
  }
}

const needs = (scope: string, viewer: Attack["viewer"], values: Record<string, unknown> = {}) => ({
  values,
  needs: scope,
  viewer,
});

export const sweep: RoomSweep = {
  shownBy: {
    entities: "fact:read",
    entity_names: "fact:read",
    fact_settings: "fact:read",
    facts: "fact:read",
  },
  scopes: ["fact:read", "fact:write"],
  fill: async (sql, victim) => {
    const [fact] = await rpc<{ id: string; subject: string; object: string }[]>(
      sql,
      victim.agent.claims,
      "record_facts",
      { facts: [{ subject: "secret", predicate: "plan", object: "hidden" }] as never },
    );
    await rpc(sql, victim.owner, "set_fact_retention", { ended_kept: 1e6 });
    return { fact: fact?.id ?? "", entity: fact?.subject ?? "", otherEntity: fact?.object ?? "" };
  },
  attacks: ({ fact, entity, otherEntity }) => ({
    end_facts: needs("fact:write", "may not", { ids: [fact] }),
    facts_about: needs("fact:read", "may", { query: "the secret plan" }),
    find_entities: needs("fact:read", "may", { query: "secret" }),
    forget_entity: needs("fact:admin", "may not", { id: entity }),
    forget_facts: needs("fact:write", "may not", { ids: [fact] }),
    list_facts: needs("fact:read", "may", { history: true }),
    merge_entities: needs("fact:write", "may not", { id: entity, into_id: otherEntity }),
    record_facts: needs("fact:write", "may not", {
      facts: [{ subject: { id: entity }, predicate: "plan", value: "planted" }] as never,
    }),
    set_entity: needs("fact:write", "may not", {
      entity: { id: entity } as never,
      name: "planted",
    }),
    set_fact_retention: needs("fact:admin", "may not", { ended_kept: 60 }),
    traverse_facts: needs("fact:read", "may", { start: { id: entity } as never }),
  }),
};
