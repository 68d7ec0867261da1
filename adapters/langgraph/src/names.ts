/** Shortens a name to a length: the name itself if it fits, otherwise `#` and its SHA-256. */
async function within(name: string, most: number): Promise<string> {
  if (name.length <= most) return name;
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  return `#${[...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The key of the memory of an item. */
export const keyOf = (namespace: string[], key: string): Promise<string> =>
  within(`langgraph:${JSON.stringify([namespace, key])}`, 200);

/**
 * The tag of every item within a namespace. No part of a namespace contains `:`, so no two namespaces have
 * the same tag.
 */
export const namespaceTag = (namespace: string[]): Promise<string> =>
  within(["langgraph", ...namespace].join(":"), 100);
