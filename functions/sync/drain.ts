/** Embeds memories that wait for it in the database's queue. */
import { z } from "zod";
import { call, type MayflyClient } from "../_shared/database.ts";
import { getEmbedder, shorten } from "../_shared/embedder.ts";

/** Texts that are embedded at once, between two looks at the clock. */
const batchSize = 5;

const claims = z.array(z.object({ memory: z.string(), lease: z.string(), text: z.string() }));
const completion = z.object({ stored: z.number(), failed: z.number(), waiting: z.number() });

/**
 * Claims, embeds and completes for about `budgetMs`, as the secret key in one tenant; who is not it
 * is refused by the database. A text that fails alone is tried again later; what a killed function
 * had leased comes back by itself.
 */
export async function drain(client: MayflyClient, budgetMs: number) {
  const embedder = getEmbedder();
  const total = { model: embedder?.model ?? null, stored: 0, failed: 0, waiting: 0 };
  if (!embedder) return total;
  const deadline = performance.now() + budgetMs;
  do {
    const claimed = claims.parse(
      await call(() =>
        client.rpc("claim_embeddings", { model: embedder.model, max_rows: batchSize }),
      ),
    );
    if (claimed.length === 0) break;
    const vectors = await embedder.embed(claimed.map((claim) => claim.text)).catch((error) => {
      console.error(JSON.stringify({ embedding: embedder.model, error: String(error) }));
      return undefined;
    });
    const results = claimed.map(({ memory, lease }, index) => {
      const vector = vectors?.[index];
      return vector
        ? { memory, lease, embedding: shorten(vector) }
        : { memory, lease, error: "the embedder failed" };
    });
    const done = completion.parse(
      await call(() =>
        client.rpc("complete_embeddings", { model: embedder.model, results: results as never }),
      ),
    );
    total.stored += done.stored;
    total.failed += done.failed;
    total.waiting = done.waiting;
  } while (total.waiting > 0 && total.failed === 0 && performance.now() < deadline);
  return total;
}
