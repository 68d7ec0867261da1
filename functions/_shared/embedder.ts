/** Turns texts into vectors: an endpoint of one's own, or the edge runtime's model. */
import { createEndpointEmbedder, type Embedder, EmbeddingFailure } from "./endpoint_embedder.ts";

interface Session {
  /** The embedded Supabase names its development embedder here; hosted has nothing. */
  readonly model?: string;
  run(text: string, options: { mean_pool: boolean; normalize: boolean }): Promise<number[]>;
}
declare const Supabase: { ai: { Session: new (model: string) => Session } } | undefined;

/** gte-small cuts at 512 tokens, about this many characters. */
const maxCharacters = 2_000;

let embedder: Embedder | undefined;

/** The embedder of this project: `MAYFLY_EMBEDDINGS_URL`, else gte-small where the runtime has it. */
export function getEmbedder(): Embedder | undefined {
  const url = Deno.env.get("MAYFLY_EMBEDDINGS_URL");
  embedder ??= url
    ? createEndpointEmbedder({
        url,
        // A variable that is set to nothing is none.
        model: Deno.env.get("MAYFLY_EMBEDDINGS_MODEL") || "text-embedding-3-small",
        key: Deno.env.get("MAYFLY_EMBEDDINGS_KEY"),
      })
    : createSessionEmbedder();
  return embedder;
}

function createSessionEmbedder(): Embedder | undefined {
  if (typeof Supabase === "undefined") return undefined;
  const session = new Supabase.ai.Session("gte-small");
  return {
    model: session.model ?? "gte-small",
    async embed(texts) {
      const vectors: number[][] = [];
      for (const text of texts) {
        vectors.push(
          await session.run(text.slice(0, maxCharacters), { mean_pool: true, normalize: true }),
        );
      }
      return vectors;
    },
  };
}

/** Why an embedder failed, for callers and the queue; whatever it was, the log has it. */
export function noteFailure(model: string, error: unknown): string {
  console.error(JSON.stringify({ embedding: model, error: String(error) }));
  return error instanceof EmbeddingFailure ? error.message : "the embedder failed";
}

/** Whether the texts of a batch that failed are better off alone. */
export const mayBeOfText = (error: unknown): boolean =>
  error instanceof EmbeddingFailure && error.ofText;

/** Digits as halfvec keeps them: a push is half as long. What is next to nothing the database refuses. */
export const shorten = (vector: number[]): number[] =>
  vector.map((value) => (Math.abs(value) < 1e-30 ? 0 : Number(value.toPrecision(4))));
