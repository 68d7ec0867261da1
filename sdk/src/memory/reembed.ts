/**
 * Gives every memory of a tenant a vector of the functions' model, for example after the model was changed.
 */
import { count, flag, maybeText, row } from "../contract/answer-form.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";

/** How far the tenant's memories are embedded with a model. */
export interface Reembedded {
  /** The functions' embedder. */
  model: string;
  memories: number;
  /** Memories that have a vector of this model. */
  embedded: number;
  /** Memories that have no vector of this model yet. */
  left: number;
  /**
   * How many of the memories in `left` have failed five times. The next `reembed` tries them again.
   */
  dead: number;
  /** Vectors of other models. */
  others: number;
  /** Why the last failed memory failed. Null if no memory failed. */
  problem: string | null;
}

/** What to do with old vectors, and how to follow or stop the work. */
export interface ReembedOptions {
  /**
   * Whether to delete a memory's vectors of other models once it has one of this model. False by default.
   * These vectors include those that callers passed.
   */
  forgetOthers?: boolean;
  /** Called with the progress after each step. */
  onProgress?: (progress: Reembedded) => void;
  /** Stops after the current step. Another call continues from there. */
  signal?: AbortSignal;
}

/** How many memories a step looks at, and how many vectors it deletes. */
const stepRows = 1_000;
/** The time between two looks while nothing is embedded. Failed memories pause for 30 s and longer. */
const firstPauseMs = 250;
const maxPauseMs = 10_000;

/** Queues memories without a vector of the model, embeds until none is left, and reports the progress. */
export async function reembed(
  link: Link,
  { forgetOthers = false, onProgress = () => {}, signal }: ReembedOptions,
): Promise<Result<Reembedded>> {
  const drained = await drain(link);
  if (drained.error) return failed(drained.error);
  const { model } = drained.data;
  let { problem } = drained.data;
  if (!model) return failed(noEmbedder());
  const look = async (): Promise<Result<Reembedded & { waiting: number }>> => {
    const { data, error } = await link.rpc("embedding_progress", { model }, embeddingProgress);
    if (error) return failed(error);
    const { waiting, ...progress } = {
      ...data,
      model,
      problem,
    };
    onProgress(progress);
    return ok({ ...progress, waiting });
  };

  const queued = await queueAll(link, model, signal);
  if (queued) return failed(queued);
  let seen = await look();
  for (let pause = firstPauseMs; ; ) {
    if (seen.error) return failed(seen.error);
    if (signal?.aborted || seen.data.waiting === 0) break;
    const { data, error } = await drain(link);
    if (error) return failed(error);
    problem = data.problem ?? problem;
    pause = data.stored > 0 ? firstPauseMs : Math.min(pause * 2, maxPauseMs);
    if (data.stored === 0) await sleep(pause, signal);
    seen = await look();
  }
  for (let more = forgetOthers && !signal?.aborted; more; ) {
    const { data, error } = await link.rpc(
      "forget_vectors",
      { model, max_rows: stepRows },
      row<{ more: boolean }>({ more: flag }),
    );
    if (error) return failed(error);
    seen = await look();
    more = data.more && !signal?.aborted;
  }
  if (seen.error) return failed(seen.error);
  const { waiting: _waiting, ...progress } = seen.data;
  return ok(progress);
}

async function queueAll(
  link: Link,
  model: string,
  signal: AbortSignal | undefined,
): Promise<MayflyError | null> {
  let after: string | null = null;
  do {
    const args: { model: string; max_rows: number; after?: string } = { model, max_rows: stepRows };
    if (after !== null) args.after = after;
    const queued: Result<{ after: string | null }> = await link.rpc(
      "queue_embeddings",
      args,
      row<{ after: string | null }>({ after: maybeText }),
    );
    if (queued.error) return queued.error;
    after = queued.data.after;
  } while (after && !signal?.aborted);
  return null;
}

type Progress = Omit<Reembedded, "model" | "problem"> & { waiting: number };
const embeddingProgress = row<Progress>({
  memories: count,
  embedded: count,
  left: count,
  waiting: count,
  dead: count,
  others: count,
});
const drained = row<{ model: string | null; stored: number; problem: string | null }>({
  model: maybeText,
  stored: count,
  problem: maybeText,
});
const drain = (link: Link) => link.fn("sync/drain", drained, {});

const noEmbedder = () =>
  new MayflyError({
    code: "not_configured",
    message: "The functions have no embedder.",
    hint: "Set MAYFLY_EMBEDDINGS_URL, or run on the edge runtime.",
    details: null,
  });

/** Waits this long, or until it is aborted. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}
