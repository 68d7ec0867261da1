/** The parts of a model's stream: merged for storage, played back, and with their usage. */
import type { ModelUsage } from "../costs/types.ts";
import type { Part, Usage } from "./ai.ts";
import type { RunModel } from "./types.ts";

interface Delta {
  type: string;
  id: string;
  delta: string;
  [more: string]: unknown;
}
const joinable = new Set(["text-delta", "reasoning-delta", "tool-input-delta"]);

/** Merges neighbouring deltas of a block: 1,000 of them shrink from 54 KB to 8 KB. */
export function addPart(parts: Part[], part: Part): void {
  if (part.type === "raw" || part.type === "error") return;
  const last = parts.at(-1) as Delta | undefined;
  const next = part as unknown as Delta;
  if (
    joinable.has(part.type) &&
    last?.type === part.type &&
    last.id === next.id &&
    !("providerMetadata" in last) &&
    !("providerMetadata" in next)
  )
    parts[parts.length - 1] = { ...last, delta: last.delta + next.delta } as unknown as Part;
  else parts.push(part);
}

/** A model that returns recorded answers and makes no call. */
export const recordedModel = (provider: string, modelId: string, parts: Part[]): RunModel => ({
  specificationVersion: "v4",
  provider,
  modelId,
  ...{ supportedUrls: {} },
  doGenerate: () => Promise.reject(new Error("Recorded answers can only be streamed.")),
  doStream: async () => ({
    stream: new ReadableStream<Part>({
      start(controller) {
        for (const part of parts) controller.enqueue(revived(part));
        controller.close();
      },
    }),
  }),
});

/** The AI SDK prints warnings that contain the request. They are recorded instead. */
export const quiet = (part: Part): Part =>
  part.type === "stream-start" ? { ...part, warnings: [] } : part;

/** Turns texts back into dates, because JSON has no dates. */
const revived = (part: Part): Part =>
  part.type === "response-metadata" && typeof part.timestamp === "string"
    ? { ...part, timestamp: new Date(part.timestamp) }
    : quiet(part);

/**
 * What a call used, in the units of prices. One-hour cache writes and searches appear only in the provider's
 * own fields.
 */
export function usageOf(usage: Usage | undefined): ModelUsage {
  const { inputTokens, outputTokens, raw } = usage ?? {};
  const cached = raw?.cache_creation as { ephemeral_1h_input_tokens?: number } | undefined;
  const searched = raw?.server_tool_use as { web_search_requests?: number } | undefined;
  const units = {
    input: whole(inputTokens?.total),
    cache_read: whole(inputTokens?.cacheRead),
    cache_write: whole(inputTokens?.cacheWrite),
    cache_write_1h: whole(cached?.ephemeral_1h_input_tokens),
    output: whole(outputTokens?.total),
    reasoning: whole(outputTokens?.reasoning),
    web_searches: whole(searched?.web_search_requests),
  };
  return {
    input: units.input,
    output: units.output,
    ...Object.fromEntries(Object.entries(units).filter(([, count]) => count > 0)),
  };
}

const whole = (count: unknown) => (typeof count === "number" && count > 0 ? Math.round(count) : 0);
