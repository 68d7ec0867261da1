/** Pushes what was learned, with vectors, and pulls what is new. */
import { type Operation, syncRequest } from "../../sdk/src/contract/schemas.ts";
import { answerData, Refusal, readBody } from "../_shared/answer.ts";
import { createApp } from "../_shared/app.ts";
import { call, connectAsCaller, connectAsProject, type MayflyClient } from "../_shared/database.ts";
import {
  getDimensions,
  getEmbedder,
  mayBeOfText,
  noteFailure,
  shorten,
} from "../_shared/embedder.ts";
import { drain } from "./drain.ts";

/** A request has 2 s of CPU on hosted projects. */
const embeddingBudgetMs = 1_200;
/** A push waits no longer for an endpoint. Memories without a vector then wait in the queue. */
const embeddingTimeoutMs = 5_000;
/** What remains of it after an answer. */
const afterAnswerMs = 400;
/** How many texts to embed between two looks at the clock. */
const batchSize = 10;
/** How many vectors of a push the database allows. */
const maxVectors = 100;

declare const EdgeRuntime: { waitUntil(task: Promise<unknown>): void };

export const app = createApp("sync");

app.post("/", async (context) => {
  const { push = [], since, limit } = await readBody(context, syncRequest);
  const client = await connectAsCaller(context.req.raw);
  let { operations, embedding } = await embed(push, client);
  const sync = () =>
    call(() =>
      client.rpc("sync", {
        push: operations as never,
        // An empty text is not a cursor, and does not ask for everything either.
        ...(typeof since === "string" && { since }),
        ...(limit !== undefined && { page_limit: limit }),
      }),
    );
  const answer = await sync().catch((error: unknown) => {
    if (!embedding?.made || !(error instanceof Refusal) || error.code !== "push_too_large")
      throw error;
    // With the vectors made here, it is larger than a push may be. Without them, it is what was sent.
    operations = push;
    embedding = { ...embedding, made: 0, problem: "the push has no room for vectors" };
    return sync();
  });
  const left = operations.some(
    (op) => op.type === "memory.update" || (op.type === "memory.put" && !op.embedding),
  );
  if (left && getEmbedder()) EdgeRuntime.waitUntil(drainAfterAnswer(client));
  return answerData(context, { ...(answer as object), embedding });
});

/** Embeds waiting memories of the tenant that the secret key names, for pg_cron or any scheduler. */
app.post("/drain", async (context) => {
  return answerData(
    context,
    await drain(await connectAsCaller(context.req.raw), embeddingBudgetMs),
  );
});

/** For the tenant of a caller, by the project's key: the texts of others' private memories wait there too. */
async function drainAfterAnswer(client: MayflyClient): Promise<void> {
  try {
    const tenants = await call(() => client.rpc("tenant_ids"));
    if (tenants?.[0]) await drain(connectAsProject(tenants[0]), afterAnswerMs);
  } catch (error) {
    // It is tried again: with the next push, or by a schedule.
    console.error(JSON.stringify({ drain: String(error) }));
  }
}

/** The operations, those that put a memory with a vector, as far as the budget goes. */
async function embed(operations: Operation[], client: MayflyClient) {
  const embedder = getEmbedder();
  const bare = operations.filter((op) => op.type === "memory.put" && !op.embedding);
  if (bare.length === 0) return { operations, embedding: null };
  if (!embedder) {
    return {
      operations,
      embedding: { model: null, made: 0, problem: "no embedder is configured" },
    };
  }
  const vectors = new Map<string, number[]>();
  const dimensions = await getDimensions(client);
  let problem: string | null = null;
  const deadline = performance.now() + embeddingBudgetMs;
  // What the caller brings itself comes first; the rest waits in the queue.
  const brought = operations.filter((op) => op.type !== "memory.delete" && op.embedding).length;
  const few = bare.slice(0, Math.max(0, maxVectors - brought));
  for (let at = 0; at < few.length && performance.now() < deadline; at += batchSize) {
    const batch = few.slice(at, at + batchSize);
    try {
      const made = await embedder.embed(batch.map(textOf), embeddingTimeoutMs, dimensions);
      batch.forEach((op, index) => {
        vectors.set(op.id, shorten(made[index] ?? []));
      });
    } catch (error) {
      // A memory without a vector is still found by words.
      problem = noteFailure(embedder.model, error);
      if (!mayBeOfText(error)) break;
    }
  }
  return {
    operations: operations.map((op) => {
      const vector = vectors.get(op.id);
      return vector ? { ...op, embedding: vector, model: embedder.model } : op;
    }),
    embedding: { model: embedder.model, made: vectors.size, problem },
  };
}

function textOf(op: Operation): string {
  if (op.type !== "memory.put") return "";
  const { task, tags = [], input, output } = op.memory;
  return [task, tags.join(" "), input, output].filter(Boolean).join("\n");
}
