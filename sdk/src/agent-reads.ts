import { AgentLife } from "./agent-life.ts";
import type { Result } from "./contract/errors.ts";
import { type ConflictPage, Conflicts, type ListConflicts } from "./memory/conflicts.ts";
import type { ListOptions, Memory, MemoryPage } from "./memory/memory.ts";
import { getMemory, listMemories, queryMemories, readThread } from "./memory/reads.ts";
import type { Recall, RecallOptions } from "./memory/recall.ts";
import { readStatistics, type Statistics } from "./tenants/upkeep.ts";

/** An agent's reading of its tenant's memories, as row-level security shows them to it. */
export class AgentReads extends AgentLife {
  /**
   * A memory by its id, from the server; null when there is none that this agent may see.
   *
   * @example
   * const { data: memory } = await agent.get(id);
   */
  get(id: string): Promise<Result<Memory | null>> {
    return getMemory(this.client, this.tenantId, id);
  }

  /**
   * The memories that this agent may see, by id (those that were made first come first), a page at a
   * time, from the server.
   *
   * @example
   * const { data: page } = await agent.memories({ tags: ["security"], minReward: 0.8 });
   * const { data: next } = await agent.memories({ tags: ["security"], after: page?.next ?? "" });
   */
  memories(options: ListOptions = {}): Promise<Result<MemoryPage>> {
    return listMemories(this.client, this.tenantId, options);
  }

  /**
   * The last memories of a conversation, the oldest of them first, from the server.
   *
   * @param options `last`: how many, 50 by default, 1,000 at most.
   * @example
   * const { data: turns } = await agent.thread(conversationId, { last: 20 });
   */
  thread(conversationId: string, { last = 50 }: { last?: number } = {}): Promise<Result<Memory[]>> {
    return readThread(this.client, this.tenantId, conversationId, last);
  }

  /**
   * The memories of the server that are like another of them, by its meaning and the words of its task
   * and tags. Vectors of `model` are compared: those of the project's own embedder unless it is named.
   *
   * @returns `memory_unknown` when there is no such memory.
   * @example
   * const { data } = await agent.similar(id, { limit: 5 });
   */
  similar(id: string, options: Omit<RecallOptions, "embedding"> = {}): Promise<Result<Recall>> {
    return queryMemories(this.client, { similar_to: id }, options);
  }

  /**
   * What the tenant remembers, in numbers, of the memories that this agent sees. Reads them all.
   *
   * @example
   * const { data } = await agent.statistics();
   */
  statistics(): Promise<Result<Statistics>> {
    return readStatistics(this.client);
  }

  /**
   * What updates with `resolve: "manual"` left to be settled, a page at a time. An `update` with their
   * ids in `settles` does.
   *
   * @example
   * const { data: page } = await agent.conflicts({ memoryId });
   * const [conflict] = page?.conflicts ?? [];
   * if (conflict) {
   *   const set = { [conflict.field]: conflict.wanted };
   *   await agent.update(memoryId, { set, settles: [conflict.id] });
   * }
   */
  conflicts(options: ListConflicts = {}): Promise<Result<ConflictPage>> {
    return new Conflicts(this.client, this.tenantId).list(options);
  }
}
