/** Turns texts into vectors, with an endpoint or with the edge runtime's model. */
import { call, type MayflyClient } from "./database.ts";
import {
  createEndpointEmbedder,
  type Embedder,
  EmbeddingFailure,
  fitted,
} from "./endpoint_embedder.ts";

interface Session {
  /**
   * The embedded Supabase sets the name of its development embedder here. In a hosted project it is
   * not set.
   */
  readonly model?: string;
  run(text: string, options: { mean_pool: boolean; normalize: boolean }): Promise<number[]>;
}
declare const Supabase: { ai: { Session: new (model: string) => Session } } | undefined;

/** gte-small cuts a text at 512 tokens, which are about this many characters. */
const maxCharacters = 2_000;

let embedder: Embedder | undefined;

/**
 * The embedder of this project: the endpoint `MAYFLY_EMBEDDINGS_URL`, or without it the runtime's gte-small.
 */
export function getEmbedder(): Embedder | undefined {
  const url = Deno.env.get("MAYFLY_EMBEDDINGS_URL");
  embedder ??= url
    ? createEndpointEmbedder({
        url,
        // An empty variable counts as not set.
        model: Deno.env.get("MAYFLY_EMBEDDINGS_MODEL") || "text-embedding-3-small",
        key: Deno.env.get("MAYFLY_EMBEDDINGS_KEY"),
        matryoshka: switchOf(Deno.env.get("MAYFLY_EMBEDDINGS_MATRYOSHKA")),
      })
    : createSessionEmbedder();
  return embedder;
}

let previous: Embedder | null | undefined;

/**
 * The previous embedder, `MAYFLY_EMBEDDINGS_PREVIOUS_MODEL`. While memories are being embedded again, it
 * finds those that have no new vector yet. If it has no URL of its own, it uses the endpoint of the current
 * embedder.
 */
export function getPreviousEmbedder(): Embedder | null {
  if (previous !== undefined) return previous;
  const model = Deno.env.get("MAYFLY_EMBEDDINGS_PREVIOUS_MODEL");
  const session = createSessionEmbedder();
  if (!model || model === getEmbedder()?.model) previous = null;
  else if (session && (model === session.model || model === "gte-small")) previous = session;
  else {
    const url =
      Deno.env.get("MAYFLY_EMBEDDINGS_PREVIOUS_URL") || Deno.env.get("MAYFLY_EMBEDDINGS_URL");
    const key =
      Deno.env.get("MAYFLY_EMBEDDINGS_PREVIOUS_KEY") || Deno.env.get("MAYFLY_EMBEDDINGS_KEY");
    previous = url ? createEndpointEmbedder({ url, model, key }) : null;
  }
  return previous;
}

const switchOf = (text: string | undefined) =>
  text === "true" ? true : text === "false" ? false : undefined;

function createSessionEmbedder(): Embedder | undefined {
  if (typeof Supabase === "undefined") return undefined;
  const session = new Supabase.ai.Session("gte-small");
  return {
    model: session.model ?? "gte-small",
    async embed(texts, _timeoutMs, dimensions) {
      const vectors: number[][] = [];
      for (const text of texts) {
        const cut = text.slice(0, maxCharacters);
        const vector = await session.run(cut, { mean_pool: true, normalize: true });
        if (vector.length > dimensions)
          throw new EmbeddingFailure(tooLong(vector.length, dimensions));
        vectors.push(fitted(vector, dimensions));
      }
      return vectors;
    },
  };
}

/**
 * The error if a project's vectors are shorter than those of gte-small. gte-small is not a Matryoshka model,
 * so its vectors would lose their meaning if they were shortened.
 */
const tooLong = (length: number, dimensions: number) =>
  `is not set, and gte-small returns ${length} numbers, but the project stores ${dimensions}: set MAYFLY_EMBEDDINGS_URL`;

/**
 * How long the number of dimensions is cached. A migration changes this number at most once in the life of a
 * project.
 */
const keptMs = 60_000;
let known: { dimensions: number; until: number } | undefined;

/** How many numbers the vectors of the project have. */
export async function getDimensions(client: MayflyClient): Promise<number> {
  if (known && known.until > Date.now()) return known.dimensions;
  const asked = await client.rpc("embedding_dimensions");
  // A project may still have the SQL of 0.1.0, which has no such function and stores vectors of 384 numbers.
  const isOld = asked.error?.code === "PGRST202";
  const dimensions = isOld ? 384 : ((await call(() => Promise.resolve(asked), 1)) ?? 384);
  known = { dimensions, until: Date.now() + keptMs };
  return dimensions;
}

/** Why an embedder failed, for callers and the queue. The log has the original error. */
export function noteFailure(model: string, error: unknown): string {
  console.error(JSON.stringify({ embedding: model, error: String(error) }));
  return error instanceof EmbeddingFailure ? error.message : "the embedder failed";
}

/** Whether the texts of a failed batch should be sent one by one. */
export const mayBeOfText = (error: unknown): boolean =>
  error instanceof EmbeddingFailure && error.ofText;

/**
 * Rounds numbers as halfvec stores them, so that a push is half as long. The database refuses numbers
 * that are almost 0.
 */
export const shorten = (vector: number[]): number[] =>
  vector.map((value) => (Math.abs(value) < 1e-30 ? 0 : Number(value.toPrecision(4))));
