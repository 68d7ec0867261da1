/** Pushes memories, with vectors, and pulls what is new. */
import { type Pushed, syncRequest } from "../../sdk/src/contract/sync-request.ts";
import { answerData, Refusal, readBody } from "../_shared/answer.ts";
import { createApp } from "../_shared/app.ts";
import {
  call,
  connectAsCaller,
  connectAsProject,
  hasScope,
  type MayflyClient,
} from "../_shared/database.ts";
import {
  getDimensions,
  getEmbedder,
  mayBeOfText,
  noteFailure,
  shorten,
} from "../_shared/embedder.ts";
import { drain } from "./drain.ts";

/** How long a push may spend on embedding. On hosted projects, a request has 2 s of CPU time. */
const embeddingBudgetMs = 1_200;
/**
 * A push waits at most this long for an embedding endpoint. Memories without a vector then wait in the
 * queue.
 */
const embeddingTimeoutMs = 5_000;
/** How long to embed waiting memories after the answer, in the CPU time that remains. */
const afterAnswerMs = 400;
/** How many texts to embed between two looks at the clock. */
const batchSize = 10;
/** How many vectors the database allows in a push. */
const maxVectors = 100;

declare const EdgeRuntime: { waitUntil(task: Promise<unknown>): void };

export const app = createApp("sync");

app.post("/", async (context) => {
  const { push = [], since, limit } = await readBody(context, syncRequest);
  const client = await connectAsCaller(context.req.raw);
  let { operations, embedding } = await embed(push, client, context.req.raw);
  const sync = () =>
    call(() =>
      client.rpc("sync", {
        push: operations as never,
        // An empty text is not a cursor. It is passed on, so that the database refuses it.
        ...(typeof since === "string" && { since }),
        ...(limit !== undefined && { page_limit: limit }),
      }),
    );
  const answer = await sync().catch((error: unknown) => {
    if (!embedding?.made || !(error instanceof Refusal) || error.code !== "push_too_large")
      throw error;
    // The vectors that were added here have made the push too large. Without them, the push has the size that
    // the client sent.
    operations = push;
    embedding = { ...embedding, made: 0, problem: "the push has no room for vectors" };
    return sync();
  });
  const left = operations.some(
    (op) => op.type === "memory.update" || (op.type === "memory.put" && !hasVector(op)),
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

/**
 * Embeds waiting memories with the project's key, because private memories of others in the tenant
 * also wait in the queue.
 */
async function drainAfterAnswer(client: MayflyClient): Promise<void> {
  try {
    const tenants = await call(() => client.rpc("tenant_ids"));
    if (tenants?.[0]) await drain(connectAsProject(tenants[0]), afterAnswerMs);
  } catch (error) {
    // The next push, or a schedule, tries again.
    console.error(JSON.stringify({ drain: String(error) }));
  }
}

/** The operations, with a vector for each put memory, as far as the budget allows. */
async function embed(operations: Pushed[], client: MayflyClient, request: Request) {
  const embedder = getEmbedder();
  const bare = operations.filter((op) => op.type === "memory.put" && !hasVector(op));
  if (bare.length === 0) return { operations, embedding: null };
  if (!embedder) {
    return {
      operations,
      embedding: { model: null, made: 0, problem: "no embedder is configured" },
    };
  }
  const [dimensions, mayWrite] = await Promise.all([
    getDimensions(client),
    hasScope(client, request, "memory:write"),
  ]);
  // The database refuses a caller without the scope, and says why.
  if (!mayWrite) return { operations, embedding: null };
  const vectors = new Map<string, number[]>();
  let problem: string | null = null;
  const deadline = performance.now() + embeddingBudgetMs;
  // Vectors that the caller sent count first. If they leave too little of `maxVectors`, the other memories
  // wait in the queue.
  const brought = operations.filter(hasVector).length;
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
      return vector ? withVector(op, { embedding: vector, model: embedder.model }) : op;
    }),
    embedding: { model: embedder.model, made: vectors.size, problem },
  };
}

/** Whether an operation has a vector: in its body or, in the form before 0.2, next to the memory. */
const hasVector = (op: Pushed) => "embedding" in (("subject" in op ? op.body : op) ?? {});
const withVector = (op: Pushed, vector: { embedding: number[]; model: string }) =>
  ("subject" in op ? { ...op, body: { ...op.body, ...vector } } : { ...op, ...vector }) as Pushed;

function textOf(op: Pushed): string {
  if (op.type !== "memory.put") return "";
  const { task, tags = [], input, output } = "subject" in op ? op.body : op.memory;
  return [task, tags.join(" "), input, output].filter(Boolean).join("\n");
}
