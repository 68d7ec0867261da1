/** Recalls the memories that answer a question best. */
import { type QueryRequest, queryRequest } from "../../sdk/src/contract/schemas.ts";
import { answerData, readBody } from "../_shared/answer.ts";
import { createApp } from "../_shared/app.ts";
import { call, connectAsCaller, type MayflyClient } from "../_shared/database.ts";
import { getEmbedder, noteFailure, shorten } from "../_shared/embedder.ts";

/** Who asks waits no longer for an endpoint: by words there is an answer at once. */
const embeddingTimeoutMs = 5_000;

export const app = createApp("query");

app.post("/", async (context) => {
  const body = await readBody(context, queryRequest);
  const client = await connectAsCaller(context.req.raw);
  const { tags, limit, task, ...query } = body;
  const vector = await vectorFor(body);
  const results = await call(() =>
    client.rpc("recall", {
      ...query,
      ...(vector.model && { model: vector.model }),
      ...(vector.embedding && { embedding: vector.embedding }),
      ...(tags && { having_tags: tags }),
      ...(task !== undefined && { for_task: task }),
      ...(limit && { result_limit: limit }),
    } as never),
  );
  const problem = await problemOf(client, vector, results as never);
  return answerData(context, {
    /** `words_only` says why in `problem`. */
    mode: problem === null ? "hybrid" : "words_only",
    model: vector.model ?? null,
    problem,
    results,
  });
});

/** Why meaning had no part in it; null where it had, or could have had. */
async function problemOf(
  client: MayflyClient,
  { embedding, model, problem }: Vector,
  results: { parts: { vector_rank: number | null } }[],
): Promise<string | null> {
  if (results.some((row) => row.parts.vector_rank !== null)) return null;
  // Whether the memory of similar_to has a vector, SQL alone knows.
  if (!embedding) return problem ?? "no memory with an embedding is like it";
  // After the model was changed words find what they found, and meaning nothing.
  if (results.length === 0 || (await isUsed(client, model ?? ""))) return null;
  return `no memory has a vector of ${model}: they wait for one, or have those of another model`;
}

async function isUsed(client: MayflyClient, model: string): Promise<boolean> {
  const [tenant] = (await call(() => client.rpc("tenant_ids"))) ?? [];
  const vectors = await call(() =>
    client
      .from("memory_vectors")
      .select("memory_id")
      .eq("tenant_id", tenant ?? "")
      .eq("model", model)
      .limit(1),
  );
  return (vectors ?? []).length > 0;
}

interface Vector {
  embedding?: number[];
  model?: string | undefined;
  problem?: string;
}

/** What to compare with: the caller's own vector, that of a memory (by SQL), or the query's. */
async function vectorFor(body: QueryRequest): Promise<Vector> {
  if (body.weights?.meaning === 0) return { problem: "meaning weighs nothing" };
  if (body.embedding) return { embedding: body.embedding, model: body.model };
  if (body.similar_to && !body.query) return { model: body.model ?? getEmbedder()?.model };
  return embedQuery(body.query ?? "");
}

async function embedQuery(text: string): Promise<Vector> {
  const embedder = getEmbedder();
  if (!embedder) return { problem: "no embedder is configured" };
  try {
    const [embedding] = await embedder.embed([text], embeddingTimeoutMs);
    return { embedding: shorten(embedding ?? []), model: embedder.model };
  } catch (error) {
    return { problem: noteFailure(embedder.model, error) };
  }
}
