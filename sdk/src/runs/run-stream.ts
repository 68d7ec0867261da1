/** The stream of a run. It is read from rows, and broadcasts say what is new. */
import { z } from "zod";
import type { MayflyError, Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { report } from "../link/safe-callback.ts";
import { type ChunkPage, chunkPage } from "./answers.ts";
import type { RunChunk } from "./types.ts";

/** If no broadcast arrives for this long, the rows are read. */
const pollMs = 1_000;
/** How often a reader says that it listens, because the server broadcasts only while somebody says so. */
const watchMs = 20_000;
const retryMs = [200, 1_000, 3_000];

const told = z.object({
  after: z.number(),
  last: z.number(),
  chunks: z.string().optional(),
  status: z.string().optional(),
});
type Told = z.infer<typeof told>;

/** Where a stream starts, and what ends it. */
export interface StreamOptions {
  /** The `seq` of the last chunk that you have. The stream continues after this chunk. */
  after?: number;
  signal?: AbortSignal;
  /** Called with each error after which the stream tries again, for example if the server does not answer. */
  onError?: (error: MayflyError) => void;
}

/**
 * The chunks of a run until it has ended, each once and in order, from any cursor and even if the
 * connection drops. A broadcast with the next chunk is used directly, and missing chunks are read.
 *
 * @throws `run_unknown`, `scope_missing`; the signal's reason.
 */
export async function* streamRun(
  link: Link,
  id: string,
  { after = 0, signal, onError }: StreamOptions = {},
): AsyncGenerator<RunChunk> {
  let cursor = after;
  let news: Told[] = [];
  let mustRead = true;
  /**
   * Whether everything so far has been read. The stream starts to listen only then, and only if the run has
   * not ended.
   */
  let isRead = false;
  let wake: () => void = () => {};
  const join = () =>
    link.tenantId
      ? link.topics.join(`tenant:${link.tenantId}:run:${id}`, {
          onMessage: (event, payload) => {
            const parsed = told.safeParse(payload);
            // At most 100 broadcasts are held. If nobody takes them, their chunks are read from the rows
            // later.
            if (event === "run_chunks" && parsed.success && news.length < 100)
              news.push(parsed.data);
            wake();
          },
          // Broadcasts before the join did not reach us.
          onJoined: () => {
            mustRead = true;
            wake();
          },
        })
      : undefined;
  let topic: ReturnType<typeof join>;
  const abort = () => wake();
  signal?.addEventListener("abort", abort);
  let watchedAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  try {
    for (;;) {
      signal?.throwIfAborted();
      for (const one of news.splice(0)) {
        if (one.chunks === undefined || one.after > cursor) mustRead ||= one.last > cursor;
        else
          for (const chunk of numbered(one.after + 1, one.chunks))
            if (chunk.seq === cursor + 1) {
              cursor++;
              yield chunk;
            }
        if (one.status && one.status !== "running") mustRead = true;
      }
      if (mustRead) {
        mustRead = false;
        const watch: boolean = isRead && performance.now() - watchedAt > watchMs;
        if (isRead) topic ??= join();
        const page: Result<ChunkPage> = await link.rpc(
          "read_run_chunks",
          { id, after: cursor, watch },
          chunkPage,
        );
        if (page.error) {
          if (page.error.code !== "unavailable") throw page.error satisfies MayflyError;
          if (onError)
            report(onError as (error: unknown) => void, "The stream of a run", page.error);
          mustRead = true;
          await sleep(retryMs[Math.min(failures++, retryMs.length - 1)] ?? 3_000, signal);
          continue;
        }
        failures = 0;
        if (watch) watchedAt = performance.now();
        yield* chunksOf(page.data, cursor, (seq) => {
          cursor = seq;
        });
        if (page.data.ended && page.data.last <= cursor) return;
        if (page.data.last > cursor || !isRead) mustRead = true;
        isRead = page.data.last <= cursor;
      }
      if (mustRead || news.length > 0 || signal?.aborted) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          mustRead = true;
          resolve();
        }, pollMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    wake = () => {};
    news = [];
    signal?.removeEventListener("abort", abort);
    await topic?.leave();
  }
}

function* chunksOf(page: ChunkPage, cursor: number, move: (seq: number) => void) {
  let at = cursor;
  for (const { seq, chunks } of page.rows)
    for (const chunk of numbered(seq, chunks))
      if (chunk.seq === at + 1) {
        at++;
        move(at);
        yield chunk;
      }
}

const numbered = (first: number, chunks: string): RunChunk[] =>
  (JSON.parse(chunks) as [number, number, RunChunk["chunk"]][]).map(([step, nth, chunk], at) => ({
    seq: first + at,
    step,
    try: nth,
    chunk,
  }));

const sleep = (ms: number, signal: AbortSignal | undefined) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
