/** Gets vectors from an OpenAI-compatible `/embeddings` endpoint, or the reason why there are none. */
import { z } from "zod";
import { embedding } from "../../sdk/src/contract/schemas.ts";

export interface Embedder {
  model: string;
  /**
   *
   * @param timeoutMs how long an endpoint may take.
   * @param dimensions how many numbers the vectors of the project have.
   */
  embed(texts: string[], timeoutMs: number, dimensions: number): Promise<number[][]>;
}

/**
 * The reason why there is no vector, in a sentence for callers and the queue. It contains neither the address
 * nor what the endpoint said, because both may contain a key.
 */
export class EmbeddingFailure extends Error {
  /** Whether the error may be about one of the texts, so that the others should be sent separately. */
  readonly ofText: boolean;

  constructor(reason: string, ofText = false) {
    super(`the embeddings endpoint ${reason}`);
    this.ofText = ofText;
  }
}

/**
 * Texts are cut after this many characters, as in the queue, so that a vector does not depend on where it was
 * made. A text then has about 8,000 tokens at most.
 */
const maxCharacters = 8_000;

const answerSchema = z.object({
  data: z.array(z.object({ index: z.int().min(0), embedding: z.array(z.number()) })),
});

const hints: Record<number, string> = {
  401: ": check MAYFLY_EMBEDDINGS_KEY",
  403: ": check MAYFLY_EMBEDDINGS_KEY",
  404: ": check MAYFLY_EMBEDDINGS_URL and MAYFLY_EMBEDDINGS_MODEL",
  429: ": too many requests, or its quota is used up",
};
/**
 * The statuses with which an endpoint refuses a text that is too long, or that contains no word that the
 * model knows.
 */
const ofText = [400, 413, 422];

/** @throws EmbeddingFailure, depending on what the endpoint returns. */
export function createEndpointEmbedder(endpoint: {
  url: string;
  model: string;
  key: string | undefined;
  /**
   * Whether the first numbers of the model's vectors carry the most meaning, so that vectors can be
   * shortened.
   */
  matryoshka?: boolean | undefined;
}): Embedder {
  const { url, model, key, matryoshka = isMatryoshka(model) } = endpoint;
  /** Whether the endpoint accepts the parameter `dimensions`, which some servers and older models refuse. */
  let takesDimensions = true;
  return {
    model,
    async embed(texts, timeoutMs, dimensions) {
      const input = texts.map((text) => text.slice(0, maxCharacters).toWellFormed());
      let response = await ask(url, key, timeoutMs, {
        ...{ model, input },
        ...(takesDimensions && { dimensions }),
      });
      if (
        takesDimensions &&
        response.status === 400 &&
        /dimension|matryoshka/i.test(response.text)
      ) {
        takesDimensions = false;
        response = await ask(url, key, timeoutMs, { model, input });
      }
      return vectorsOf(response, texts.length, dimensions, matryoshka);
    },
  };
}

/**
 * Whether a model is trained for vectors that can be shortened (Kusupati et al., "Matryoshka Representation
 * Learning", NeurIPS 2022).
 */
const isMatryoshka = (model: string) =>
  /text-embedding-3|nomic-embed-text-v1\.5|mxbai-embed-large|embeddinggemma|gemini-embedding|qwen3-embedding|jina-embeddings-v[34]|arctic-embed-[lm]-v[12]|voyage-3|cohere.*v4|matryoshka/i.test(
    model,
  );

/**
 * Converts a vector to the length that the project stores. A longer vector of a Matryoshka model is cut and
 * normalised again. A shorter vector is padded with zeros, which do not change any cosine.
 */
export function fitted(vector: number[], dimensions: number): number[] {
  if (vector.length <= dimensions) {
    return [...vector, ...Array<number>(dimensions - vector.length).fill(0)];
  }
  const cut = vector.slice(0, dimensions);
  const length = Math.hypot(...cut) || 1;
  return cut.map((value) => value / length);
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
    // Read the body within the same time limit. This also closes the response in every case.
    return { status, ok, text: await response.text() };
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") {
      throw new EmbeddingFailure(`did not answer within ${timeoutMs / 1_000} s`);
    }
    throw new EmbeddingFailure("could not be reached: check MAYFLY_EMBEDDINGS_URL");
  }
}

function vectorsOf(
  response: Awaited<ReturnType<typeof ask>>,
  count: number,
  dimensions: number,
  matryoshka: boolean,
): number[][] {
  const { status, ok, text } = response;
  if (!ok) {
    throw new EmbeddingFailure(`answered ${status}${hints[status] ?? ""}`, ofText.includes(status));
  }
  const { data } = answerSchema.safeParse(parsed(text));
  if (!data) {
    throw new EmbeddingFailure(
      "did not answer like OpenAI's /embeddings: check MAYFLY_EMBEDDINGS_URL",
    );
  }
  if (data.data.length !== count) throw new EmbeddingFailure("left some texts out");
  const given = data.data.sort((a, b) => a.index - b.index).map((entry) => entry.embedding);
  const longer = given.find(({ length }) => length > dimensions);
  if (longer && !matryoshka) {
    throw new EmbeddingFailure(
      `returned ${longer.length} numbers instead of ${dimensions}: run mayfly init --dimensions ${longer.length}, or set MAYFLY_EMBEDDINGS_MATRYOSHKA=true if they may be cut`,
    );
  }
  const vectors = given.map((vector) => fitted(vector, dimensions));
  // If the database refused this vector, it would refuse the whole push.
  if (!vectors.every((vector) => embedding.safeParse(vector).success)) {
    throw new EmbeddingFailure("returned a vector that is all 0, or out of bounds", true);
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
