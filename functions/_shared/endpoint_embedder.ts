/** Vectors from an OpenAI-compatible `/embeddings` endpoint, and why there are none. */
import { z } from "zod";
import { dimensions, embedding } from "../../sdk/src/contract/schemas.ts";

export interface Embedder {
  model: string;
  /** @param timeoutMs how long an endpoint may take. */
  embed(texts: string[], timeoutMs: number): Promise<number[][]>;
}

/**
 * Why there is no vector: a sentence for who recalls, and for the queue. It has neither the address nor
 * what the endpoint said: a key may stand in both.
 */
export class EmbeddingFailure extends Error {
  /** Whether it may be about one of the texts: then the others are better off alone. */
  readonly ofText: boolean;

  constructor(reason: string, ofText = false) {
    super(`the embeddings endpoint ${reason}`);
    this.ofText = ofText;
  }
}

/** As the queue cuts, so that a vector does not depend on its way: 8,000 tokens at the very most. */
const maxCharacters = 8_000;

const answerSchema = z.object({
  data: z.array(z.object({ index: z.int().min(0), embedding: z.array(z.number()) })),
});

const hints: Record<number, string> = {
  401: ": check MAYFLY_EMBEDDINGS_KEY",
  403: ": check MAYFLY_EMBEDDINGS_KEY",
  404: ": check MAYFLY_EMBEDDINGS_URL and MAYFLY_EMBEDDINGS_MODEL",
  429: ": it is asked too often, or its quota is used up",
};
/** By which an endpoint refuses a text: too long for its model, or empty of what it knows. */
const ofText = [400, 413, 422];

/** @throws EmbeddingFailure, by what it gives. */
export function createEndpointEmbedder(endpoint: {
  url: string;
  model: string;
  key: string | undefined;
}): Embedder {
  const { url, model, key } = endpoint;
  return {
    model,
    async embed(texts, timeoutMs) {
      const response = await ask(url, key, timeoutMs, {
        model,
        input: texts.map((text) => text.slice(0, maxCharacters).toWellFormed()),
        dimensions,
      });
      return vectorsOf(response, texts.length);
    },
  };
}

async function ask(url: string, key: string | undefined, timeoutMs: number, body: object) {
  if (!URL.canParse(url)) throw new EmbeddingFailure("has no URL: check MAYFLY_EMBEDDINGS_URL");
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(key && { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { status, ok } = response;
    // Read within the same time, and never left open.
    return { status, ok, text: await response.text() };
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") {
      throw new EmbeddingFailure(`did not answer within ${timeoutMs / 1_000} s`);
    }
    throw new EmbeddingFailure("could not be reached: check MAYFLY_EMBEDDINGS_URL");
  }
}

function vectorsOf(response: Awaited<ReturnType<typeof ask>>, count: number): number[][] {
  const { status, ok, text } = response;
  if (!ok) {
    throw new EmbeddingFailure(`answered ${status}${hints[status] ?? ""}`, ofText.includes(status));
  }
  const { data } = answerSchema.safeParse(parsed(text));
  if (!data) {
    throw new EmbeddingFailure(
      "did not answer as OpenAI's /embeddings does: check MAYFLY_EMBEDDINGS_URL",
    );
  }
  if (data.data.length !== count) throw new EmbeddingFailure("left some texts out");
  const vectors = data.data.sort((a, b) => a.index - b.index).map((entry) => entry.embedding);
  const other = vectors.find(({ length }) => length !== dimensions);
  if (other) {
    throw new EmbeddingFailure(
      `gave ${other.length} numbers instead of ${dimensions}: MAYFLY_EMBEDDINGS_MODEL must heed \`dimensions\``,
    );
  }
  // What the database refuses takes the whole push with it.
  if (!vectors.every((vector) => embedding.safeParse(vector).success)) {
    throw new EmbeddingFailure("gave a vector that is all 0, or out of bounds", true);
  }
  return vectors;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
