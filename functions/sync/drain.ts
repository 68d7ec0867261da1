/** Embeds memories that are waiting in the database's queue. */
import { z } from "zod";
import { call, type MayflyClient } from "../_shared/database.ts";
import {
  getDimensions,
  getEmbedder,
  mayBeOfText,
  noteFailure,
  shorten,
} from "../_shared/embedder.ts";
import type { Embedder } from "../_shared/endpoint_embedder.ts";

/** How many texts to embed between two looks at the clock. */
const batchSize = 5;
/**
 * How long an endpoint may take. The time may be long, because nobody waits for it. Even if each text of a
 * claim is sent separately, all of them take no longer than the claim's lease.
 */
const embeddingTimeoutMs = 10_000;

const claims = z.array(z.object({ memory: z.string(), lease: z.string(), text: z.string() }));
const completion = z.object({ stored: z.number(), failed: z.number(), waiting: z.number() });

/**
 * Claims memories, embeds them and stores their vectors for about `budgetMs`, with the secret key in one
 * tenant. The database refuses any other caller. A text that fails even when it is sent alone is tried
 * again later. If the platform kills a function, the texts that this function had leased become available
 * again.
 */
export async function drain(client: MayflyClient, budgetMs: number) {
  const embedder = getEmbedder();
  const total = {
    model: embedder?.model ?? null,
    stored: 0,
    failed: 0,
    waiting: 0,
    /** Why the last failed text failed. */
    problem: null as string | null,
  };
  if (!embedder) return total;
  const deadline = performance.now() + budgetMs;
  const dimensions = await getDimensions(client);
  let stored: number;
  do {
    const claimed = claims.parse(
      await call(() =>
        client.rpc("claim_embeddings", { model: embedder.model, max_rows: batchSize }),
      ),
    );
    if (claimed.length === 0) break;
    const made = await embedAll(
      embedder,
      claimed.map((claim) => claim.text),
      dimensions,
    );
    for (const one of made) if ("error" in one) total.problem = one.error;
    const results = claimed.map(({ memory, lease }, index) => ({ memory, lease, ...made[index] }));
    const done = completion.parse(
      await call(() =>
        client.rpc("complete_embeddings", { model: embedder.model, results: results as never }),
      ),
    );
    stored = done.stored;
    total.stored += stored;
    total.failed += done.failed;
    total.waiting = done.waiting;
    // If no text of a batch was embedded, the texts of the next batch would fail too.
  } while (total.waiting > 0 && stored > 0 && performance.now() < deadline);
  return total;
}

/** A vector for each text, or the reason why there is none. A refused text does not affect the others. */
async function embedAll(
  embedder: Embedder,
  texts: string[],
  dimensions: number,
): Promise<({ embedding: number[] } | { error: string })[]> {
  try {
    const vectors = await embedder.embed(texts, embeddingTimeoutMs, dimensions);
    return texts.map((_, index) => ({ embedding: shorten(vectors[index] ?? []) }));
  } catch (error) {
    const reason = noteFailure(embedder.model, error);
    if (texts.length === 1 || !mayBeOfText(error)) return texts.map(() => ({ error: reason }));
    const made = [];
    for (const text of texts) made.push(...(await embedAll(embedder, [text], dimensions)));
    return made;
  }
}
