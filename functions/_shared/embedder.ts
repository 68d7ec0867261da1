/** Turns texts into vectors: an endpoint of one's own, or the edge runtime's model. */
import { z } from "zod";
import { dimensions } from "../../sdk/src/schemas.ts";

export interface Embedder {
  model: string;
  embed(texts: string[]): Promise<number[][]>;
}

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
  embedder ??= url ? createEndpointEmbedder(url) : createSessionEmbedder();
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

const endpointAnswer = z.object({
  data: z.array(
    z.object({ index: z.int().min(0), embedding: z.array(z.number()).length(dimensions) }),
  ),
});

/** An OpenAI-compatible `/embeddings` endpoint. */
function createEndpointEmbedder(url: string): Embedder {
  const model = Deno.env.get("MAYFLY_EMBEDDINGS_MODEL") ?? "text-embedding-3-small";
  const key = Deno.env.get("MAYFLY_EMBEDDINGS_KEY");
  return {
    model,
    async embed(texts) {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(key && { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify({ model, input: texts, dimensions }),
        signal: AbortSignal.timeout(20_000),
      });
      if (!response.ok) throw new Error(`The embeddings endpoint answered ${response.status}.`);
      const { data } = endpointAnswer.parse(await response.json());
      if (data.length !== texts.length) throw new Error("The embeddings endpoint left some out.");
      return data.sort((a, b) => a.index - b.index).map((entry) => entry.embedding);
    },
  };
}

/** A vector with as many digits as halfvec keeps: a push is half as long. */
export const shorten = (vector: number[]): number[] =>
  vector.map((value) => Number(value.toPrecision(4)));
