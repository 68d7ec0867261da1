/** Converts what other programs have stored into memories. */
import type { NewMemory } from "@mayfly/sdk";

export const formats = ["jsonl", "export", "mem0", "langgraph"] as const;
export type Format = (typeof formats)[number];

type Item = Record<string, unknown>;

/** For each format, turns an item of a file into a memory. Null if the item is no memory. */
export const readers: Record<Exclude<Format, "export">, (item: Item) => NewMemory | null> = {
  jsonl: (item) => withDate(item as NewMemory, item.expiresAt),
  mem0: fromMem0,
  langgraph: fromLangGraph,
};

/** A memory of mem0's `get_all` or of an export of its platform. */
function fromMem0(item: Item): NewMemory | null {
  const { id, memory, text, data, metadata, categories, user_id, agent_id, run_id } = item;
  const output = [memory, text, data].find((one) => typeof one === "string");
  if (typeof output !== "string" || output.trim() === "") return null;
  const owners = { user: user_id, agent: agent_id, run: run_id };
  const tags = Object.entries(owners).flatMap(([name, value]) =>
    value ? [`${name}:${value}`] : [],
  );
  return {
    kind: "fact",
    output,
    tags: tagsOf([...tags, ...(Array.isArray(categories) ? categories : [])]),
    metadata: present({
      ...(isItem(metadata) && metadata),
      mem0: present({ id, ...owners, createdAt: item.created_at, updatedAt: item.updated_at }),
    }),
    ...(id !== undefined && { key: `mem0:${id}`.slice(0, 200) }),
  };
}

/** A row of `store`, the table of LangGraph's PostgresStore. */
function fromLangGraph(row: Item): NewMemory | null {
  const { prefix, key, value, created_at, updated_at, expires_at } = row;
  if (typeof prefix !== "string" || typeof key !== "string" || !isItem(value)) return null;
  const said = [value.text, value.content, value.memory, value.data].find(
    (one) => typeof one === "string",
  );
  return withDate(
    {
      kind: "general",
      task: key.slice(0, 2_000),
      output: typeof said === "string" ? said : JSON.stringify(value),
      tags: tagsOf([`namespace:${prefix}`]),
      metadata: present({
        langgraph: present({ namespace: prefix.split("."), value, created_at, updated_at }),
      }),
      key: `langgraph:${prefix}/${key}`.slice(0, 200),
    },
    expires_at,
  );
}

const isItem = (value: unknown): value is Item =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const present = (item: Item): Item =>
  Object.fromEntries(
    Object.entries(item).filter(([, value]) => value !== null && value !== undefined),
  );

const tagsOf = (tags: unknown[]): string[] =>
  [...new Set(tags.map((tag) => String(tag).slice(0, 100)))].slice(0, 50);

function withDate(memory: NewMemory, expiresAt: unknown): NewMemory {
  const { expiresAt: _text, ...rest } = memory;
  return typeof expiresAt === "string" ? { ...rest, expiresAt: new Date(expiresAt) } : rest;
}
