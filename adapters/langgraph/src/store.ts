import {
  BaseStore,
  type GetOperation,
  InvalidNamespaceError,
  type Item,
  type ListNamespacesOperation,
  type Operation,
  type OperationResults,
  type PutOperation,
  type SearchItem,
  type SearchOperation,
} from "@langchain/langgraph-checkpoint";
import type { Agent, ListOptions, Mayfly, Memory, NewMemory } from "@mayfly/sdk";
import { isMatch, passes } from "./filters.ts";
import { textOf } from "./indexed.ts";
import { keyOf, namespaceTag } from "./names.ts";
import { given } from "./results.ts";

/** Options of a store. */
export interface MayflyStoreOptions {
  /** An item expires this many seconds after it was last put. By default, items stay until you delete them. */
  expiresIn?: number;
  /** Which fields of a value are searched, such as `"text"` or `"notes[*].title"`; the whole value by default. */
  fields?: string[];
}

/** The metadata of an item's memory. */
interface ItemData {
  namespace: string[];
  key: string;
  value: Record<string, unknown>;
  updated_at: string;
  expires_at?: string;
}

/**
 * Keeps the items of LangGraph's store as memories of a Mayfly project, in the tenant of the caller. They are
 * searched by words and by meaning, with the embedder of the project. Needs `memory:read` and `memory:write`.
 *
 * @example
 * const store = new MayflyStore(mayfly);
 * await store.put(["users", "ada"], "taste", { text: "Ada likes tea." });
 * const [found] = await store.search(["users"], { query: "what does Ada drink?" });
 */
export class MayflyStore extends BaseStore {
  readonly #owner: Mayfly | Agent;
  readonly #options: MayflyStoreOptions;

  constructor(owner: Mayfly | Agent, options: MayflyStoreOptions = {}) {
    super();
    this.#owner = owner;
    this.#options = options;
  }

  /**
   * Reads see the items as they were before the puts of the same batch. If a key is put several times, the last
   * put counts.
   */
  async batch<Op extends Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    const puts = new Map<string, PutOperation>();
    for (const operation of operations)
      if ("value" in operation)
        puts.set(JSON.stringify([operation.namespace, operation.key]), operation);
    const results = await Promise.all(
      operations.map((operation) => {
        if ("value" in operation) return undefined;
        if ("namespacePrefix" in operation) return this.#search(operation);
        if ("key" in operation) return this.#get(operation);
        return this.#namespaces(operation);
      }),
    );
    await this.#put([...puts.values()]);
    return results as OperationResults<Op>;
  }

  async #get({ namespace, key }: GetOperation): Promise<Item | null> {
    const memory = await this.#find(namespace, key);
    return memory ? toItem(memory) : null;
  }

  async #find(namespace: string[], key: string): Promise<Memory | undefined> {
    const page = given(await this.#owner.memory.list({ key: await keyOf(namespace, key) }));
    return page.memories.find(isLive);
  }

  async #search(operation: SearchOperation): Promise<SearchItem[]> {
    const { namespacePrefix, filter, limit = 10, offset = 0, query } = operation;
    const tags = [await namespaceTag(namespacePrefix)];
    const chosen: SearchItem[] = [];
    const take = (memory: ItemMemory, score?: number) => {
      if (!isLive(memory)) return false;
      const item = toItem(memory);
      if (passes(item.value, filter)) chosen.push(score === undefined ? item : { ...item, score });
      return chosen.length >= offset + limit;
    };
    if (query === undefined) await this.#each({ tags }, (memory) => take(memory));
    else {
      const weights = { reward: 0, importance: 0, recency: 0, neighbours: 0 };
      const options = { tags, limit: 100, grouped: false, weights };
      const { results } = given(await this.#owner.memory.recall(query, options));
      for (const memory of results) if (take(memory, memory.score)) break;
    }
    return chosen.slice(offset, offset + limit);
  }

  async #namespaces(operation: ListNamespacesOperation): Promise<string[][]> {
    const { matchConditions = [], maxDepth, limit = 100, offset = 0 } = operation;
    const prefix = matchConditions.find(({ matchType }) => matchType === "prefix")?.path ?? [];
    const known = prefix.indexOf("*");
    const beginning = known < 0 ? prefix : prefix.slice(0, known);
    const found = new Map<string, string[]>();
    await this.#each({ tags: [await namespaceTag(beginning)] }, (memory) => {
      if (!isLive(memory)) return;
      const { namespace } = toItem(memory);
      if (!matchConditions.every((condition) => isMatch(condition, namespace))) return;
      const cut = namespace.slice(0, maxDepth);
      found.set(JSON.stringify(cut), cut);
    });
    const sorted = [...found.values()].sort((a, b) => a.join(":").localeCompare(b.join(":")));
    return sorted.slice(offset, offset + limit);
  }

  /** Calls `work` with each memory with these tags, oldest first, until it has enough. */
  async #each(options: ListOptions, work: (memory: Memory) => unknown): Promise<void> {
    for (let after: string | null | undefined; after !== null; ) {
      const page = given(
        await this.#owner.memory.list({ ...options, limit: 200, ...(after && { after }) }),
      );
      for (const memory of page.memories) if (work(memory) === true) return;
      after = page.next;
    }
  }

  async #put(operations: PutOperation[]): Promise<void> {
    if (operations.length === 0) return;
    const memories: NewMemory[] = [];
    const changed: { id: string }[] = [];
    for (const operation of operations) {
      if (operation.value !== null) memories.push(await this.#toMemory(operation));
      else {
        const memory = await this.#find(operation.namespace, operation.key);
        if (memory) changed.push(given(await this.#owner.memory.forget(memory.id)));
      }
    }
    if (memories.length > 0) changed.push(...given(await this.#owner.memory.remember(memories)));
    // An agent's writes go through its outbox.
    if ("sync" in this.#owner) given(await this.#owner.outbox.pushNow(changed.map(({ id }) => id)));
  }

  async #toMemory({ namespace, key, value, index }: PutOperation): Promise<NewMemory> {
    if (namespace.length === 0) throw new InvalidNamespaceError("Namespace cannot be empty.");
    const prefixes = namespace.map((_, end) => namespace.slice(0, end + 1));
    const { expiresIn, fields } = this.#options;
    const expiresAt = expiresIn !== undefined && new Date(Date.now() + expiresIn * 1_000);
    const data: ItemData = {
      namespace,
      key,
      value: value as ItemData["value"],
      updated_at: new Date().toISOString(),
      ...(expiresAt && { expires_at: expiresAt.toISOString() }),
    };
    return {
      key: await keyOf(namespace, key),
      kind: "fact",
      task: `${namespace.join("/")}/${key}`.slice(0, 2_000),
      output: index === false ? "" : textOf(data.value, index ?? fields),
      tags: await Promise.all([[], ...prefixes].map(namespaceTag)),
      metadata: { langgraph: data },
      allowDuplicate: true,
      ...(expiresAt && { expiresAt }),
    };
  }
}

type ItemMemory = Pick<Memory, "metadata" | "createdAt">;

const dataOf = ({ metadata }: ItemMemory) => metadata.langgraph as ItemData;

/** An expired memory is still stored until maintenance forgets it. */
const isLive = (memory: ItemMemory): boolean => {
  const { expires_at: end } = dataOf(memory);
  return end === undefined || new Date(end).getTime() > Date.now();
};

function toItem(memory: ItemMemory): Item {
  const { namespace, key, value, updated_at } = dataOf(memory);
  return { namespace, key, value, createdAt: memory.createdAt, updatedAt: new Date(updated_at) };
}
