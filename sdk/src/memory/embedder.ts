import { DEV_EMBEDDING_MODEL, embedForDevelopment } from "../contract/development-embedder.ts";

/** Turns texts into vectors of 384 numbers, where the SDK runs. */
export interface Embedder {
  /** Stored with every vector. Vectors of different models are never compared. */
  model: string;
  /** Returns a vector of 384 numbers for each text, in the same order. */
  embed(texts: string[]): Promise<number[][]>;
}

/**
 * The development embedder, which the embedded Supabase uses too. It finds words and forms of words, but not
 * meaning.
 *
 * @example
 * import { developmentEmbedder, Mayfly } from "@mayfly/sdk";
 * const mayfly = new Mayfly({ url, key, tenant, cache: { embedder: developmentEmbedder } });
 */
export const developmentEmbedder: Embedder = {
  model: DEV_EMBEDDING_MODEL,
  embed: async (texts) => texts.map(embedForDevelopment),
};

/** The part of a memory that is embedded, the same as in the sync function. */
export const textOf = (memory: { task: string; tags: string[]; input: string; output: string }) =>
  [memory.task, memory.tags.join(" "), memory.input, memory.output].filter(Boolean).join("\n");
