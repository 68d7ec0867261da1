/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { randomUUID } from "node:crypto";
import { rpc } from "#harness/callers";
import { putOf, updateOf } from "#harness/operations";
import type { RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    memory: string;
  }
}

export const sweep: RoomSweep = {
  shownBy: {
    memories: "memory:read",
    memory_aliases: "memory:read",
    memory_conflicts: "memory:read",
    model_worths: "memory:read",
    memory_vectors: "memory:read",
  },
  scopes: ["memory:read", "memory:write"],
  fill: async (sql, victim) => {
    const memory = randomUUID();
    const push = (...operations: unknown[]) =>
      rpc(sql, victim.agent.claims, "sync", { push: operations as never });
    const put = putOf({ id: memory, task: "the secret plan", once: true });
    await push({ ...put, embedding: Array(384).fill(0.1), model: "m" });
    await push(
      updateOf(memory, { reward: 0.1 }, { base: { reward: 0.2 }, resolve: "manual" }),
      putOf({ task: "waits for a vector", key: "k" }),
    );
    await push(putOf({ task: "waits for a vector", key: "k" }));
    await sql`
      insert into mayfly_private.settlements (tenant_id, model, vectors) values (${victim.tenant}, 'm', 1)`;
    await sql`
      insert into mayfly_private.word_samples (tenant_id, memories, sampled, stored) values (${victim.tenant}, 1, 1, 1)`;
    await sql`
      insert into mayfly_private.word_frequencies (tenant_id, word, memories) values (${victim.tenant}, 'secret', 1)`;
    await rpc(sql, victim.owner, "set_model_worth", { model: "m", meaning: 0.5 });
    return { memory };
  },
  attacks: () => ({
    cluster_sample: { values: {}, needs: "memory:read", viewer: "may" },
    claim_embeddings: { values: { model: "m" }, needs: null, only: "secret", viewer: "may not" },
    complete_embeddings: {
      values: { model: "m", results: [] },
      needs: null,
      only: "secret",
      viewer: "may not",
    },
    embedding_progress: {
      values: { model: "m" },
      needs: null,
      only: "secret",
      viewer: "may not",
    },
    forget_vectors: { values: { model: "m" }, needs: null, only: "secret", viewer: "may not" },
    embedding_dimensions: { values: {}, needs: null, viewer: "may" },
    memory_statistics: { values: {}, needs: "memory:read", viewer: "may" },
    queue_embeddings: { values: { model: "m" }, needs: null, only: "secret", viewer: "may not" },
    recall: { values: { query: "secret plan" }, needs: "memory:read", viewer: "may" },
    recall_scope: { values: { model: "m" }, needs: "memory:read", viewer: "may" },
    set_model_worth: {
      values: { model: "m", meaning: 2 },
      needs: "memory:admin",
      viewer: "may not",
    },
    tuning_questions: { values: { model: "m" }, needs: "memory:admin", viewer: "may not" },
    sync: {
      values: { push: [putOf({ task: "planted" })] },
      needs: "memory:write",
      viewer: "may not",
    },
  }),
};
