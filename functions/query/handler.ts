/** Recalls the memories that answer a question best. */
import { queryRequest } from "../../sdk/src/schemas.ts";
import { answerData, readBody } from "../_shared/answer.ts";
import { createApp } from "../_shared/app.ts";
import { call, connectAsCaller } from "../_shared/database.ts";
import { getEmbedder, shorten } from "../_shared/embedder.ts";

export const app = createApp("query");

app.post("/", async (context) => {
  const { tags, limit, ...query } = await readBody(context, queryRequest);
  const client = await connectAsCaller(context.req.raw);
  const vector = query.embedding
    ? { embedding: query.embedding, model: query.model }
    : await embedQuery(query.query ?? "");
  const results = await call(() =>
    client.rpc("recall", {
      ...query,
      ...(vector.embedding && { embedding: vector.embedding, model: vector.model }),
      ...(tags && { having_tags: tags }),
      ...(limit && { result_limit: limit }),
    } as never),
  );
  return answerData(context, {
    /** `words_only` says why in `problem`. */
    mode: vector.embedding ? "hybrid" : "words_only",
    model: vector.model ?? null,
    problem: "problem" in vector ? vector.problem : null,
    results,
  });
});

async function embedQuery(text: string) {
  const embedder = getEmbedder();
  if (!embedder) return { problem: "no embedder is configured" };
  try {
    const [embedding] = await embedder.embed([text]);
    return { embedding: shorten(embedding ?? []), model: embedder.model };
  } catch (error) {
    console.error(JSON.stringify({ embedding: embedder.model, error: String(error) }));
    return { problem: "the embedder failed" };
  }
}
