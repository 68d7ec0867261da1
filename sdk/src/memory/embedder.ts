import { DEV_EMBEDDING_MODEL, embedForDevelopment } from "../contract/development-embedder.ts";

/** Turns texts into vectors of 384 numbers, here where the SDK runs. */
export interface Embedder {
  /** Stands beside every vector: vectors of different models are never compared. */
  model: string;
  /** A vector of 384 numbers for each text, in their order. */
  embed(texts: string[]): Promise<number[][]>;
}

/**
 * The development embedder, which the embedded Supabase uses too: it finds words and forms of
 * words, never meaning alone.
 *
 * @example
 * import { developmentEmbedder, Mayfly } from "@mayfly/sdk";
 * const mayfly = new Mayfly({ url, key, tenant, cache: { embedder: developmentEmbedder } });
 */
export const developmentEmbedder: Embedder = {
  model: DEV_EMBEDDING_MODEL,
  embed: async (texts) => texts.map(embedForDevelopment),
};

/** What of a memory is embedded, as the sync function does it. */
export const textOf = (memory: { task: string; tags: string[]; input: string; output: string }) =>
  [memory.task, memory.tags.join(" "), memory.input, memory.output].filter(Boolean).join("\n");
