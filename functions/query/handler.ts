/** Recalls the memories that answer a question best. */
import { type QueryRequest, queryRequest } from "../../sdk/src/contract/schemas.ts";
import { answerData, readBody } from "../_shared/answer.ts";
import { createApp } from "../_shared/app.ts";
import { call, connectAsCaller, hasScope } from "../_shared/database.ts";
import {
  getDimensions,
  getEmbedder,
  getPreviousEmbedder,
  noteFailure,
  shorten,
} from "../_shared/embedder.ts";
import type { Embedder } from "../_shared/endpoint_embedder.ts";

/**
 * A caller waits at most this long for an embedding endpoint, because a search by words can answer at
 * once.
 */
const embeddingTimeoutMs = 5_000;

export const app = createApp("query");

app.post("/", async (context) => {
  const body = await readBody(context, queryRequest);
  const client = await connectAsCaller(context.req.raw);
  const { tags, limit, task, ...query } = body;
  const [dimensions, mayRead] = await Promise.all([
    getDimensions(client),
    hasScope(client, context.req.raw, "memory:read"),
  ]);
  // The database refuses a caller without the scope, and says why.
  const [vector, older]: [Vector, Vector | null] = mayRead
    ? await Promise.all([vectorFor(body, dimensions), olderVectorFor(body, dimensions)])
    : [{}, null];
  const recall = call(() =>
    client.rpc("recall", {
      ...query,
      ...(vector.model && { model: vector.model }),
      ...(vector.embedding && { embedding: vector.embedding }),
      ...(older && { older_embedding: older.embedding, older_model: older.model }),
      ...(tags && { having_tags: tags }),
      ...(task !== undefined && { for_task: task }),
      ...(limit && { result_limit: limit }),
    } as never),
  );
  const [results, searched] = await Promise.all([
    recall,
    call(() => client.rpc("recall_scope", { model: vector.model ?? "" })),
  ]);
  const problem = problemOf(vector, results as never, searched as unknown as Searched);
  return answerData(context, {
    /** If it is `words_only`, `problem` says why. */
    mode: problem === null ? "hybrid" : "words_only",
    model: vector.model ?? null,
    problem,
    /** What was searched. Memories without a vector of the model are found only by words. */
    searched,
    results,
  });
});

interface Searched {
  memories: number;
  with_vector: number;
}

/**
 * Why the recall did not search by meaning. Null if it searched by meaning, even if it found nothing.
 */
function problemOf(
  { embedding, model, problem }: Vector,
  results: { parts: { vector_rank: number | null } }[],
  searched: Searched,
): string | null {
  if (results.some((row) => row.parts.vector_rank !== null)) return null;
  // Only SQL knows whether the memory of similar_to has a vector.
  if (!embedding) return problem ?? "no memory with an embedding resembles it";
  // After the model was changed, words still find memories, but meaning finds none.
  if (results.length === 0 || searched.with_vector > 0) return null;
  return `no memory has a vector of ${model}: they are waiting for one, or have vectors of another model`;
}

interface Vector {
  embedding?: number[];
  model?: string | undefined;
  problem?: string;
}

/**
 * The vector to compare with: the caller's own, or the vector of the query. For `similar_to`, only the model
 * is set, and SQL reads the vector of that memory.
 */
async function vectorFor(body: QueryRequest, dimensions: number): Promise<Vector> {
  if (body.weights?.meaning === 0) return { problem: "the weight of meaning is 0" };
  if (body.embedding) return { embedding: body.embedding, model: body.model };
  if (body.similar_to && !body.query) return { model: body.model ?? getEmbedder()?.model };
  return embedQuery(getEmbedder(), body.query ?? "", dimensions);
}

/**
 * Embeds the query with the previous model, because some memories may only have a vector of that
 * model.
 */
async function olderVectorFor(body: QueryRequest, dimensions: number): Promise<Vector | null> {
  const embedder = getPreviousEmbedder();
  if (!embedder || !body.query || body.embedding || body.weights?.meaning === 0) return null;
  const vector = await embedQuery(embedder, body.query, dimensions);
  return vector.embedding ? vector : null;
}

async function embedQuery(
  embedder: Embedder | undefined,
  text: string,
  dimensions: number,
): Promise<Vector> {
  if (!embedder) return { problem: "no embedder is configured" };
  try {
    const [embedding] = await embedder.embed([text], embeddingTimeoutMs, dimensions);
    return { embedding: shorten(embedding ?? []), model: embedder.model };
  } catch (error) {
    return { problem: noteFailure(embedder.model, error) };
  }
}
