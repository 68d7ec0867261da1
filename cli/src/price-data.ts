/** Converts the prices of `@pydantic/genai-prices` into the form that the database takes. */
import { readFile } from "node:fs/promises";
import type { ImportedPrice } from "@mayfly/sdk";
import {
  type ConditionalPrice,
  findProvider,
  type MatchLogic,
  type ModelInfo,
  type ModelPrice,
} from "@pydantic/genai-prices";
import { z } from "zod";

/**
 * The providers, by their ids in the package. A provider that has another name in the AI SDK gets
 * that name.
 */
const providers = [
  "anthropic arcee avian aws azure baseten cerebras cloudflare cohere cursor deepseek doubleword fireworks",
  "github-copilot google groq huggingface_cerebras huggingface_fireworks-ai huggingface_groq huggingface_hyperbolic",
  "huggingface_nebius huggingface_novita huggingface_nscale huggingface_ovhcloud huggingface_publicai",
  "huggingface_sambanova huggingface_together minimax mistral modal moonshotai novita openai openrouter ovhcloud",
  "perplexity quicksilverpro together typesafe voyageai x-ai zai zhipuai",
].flatMap((line) => line.split(" "));
const inAiSdk: Record<string, string> = {
  aws: "amazon-bedrock",
  together: "togetherai",
  "x-ai": "xai",
};

/** The units of a language model's call, by their keys in the package. */
const units: Record<string, string> = {
  input_mtok: "input",
  output_mtok: "output",
  cache_read_mtok: "cache_read",
  cache_write_mtok: "cache_write",
  cache_write_1h_mtok: "cache_write_1h",
  output_reasoning_mtok: "output_reasoning",
  input_audio_mtok: "input_audio",
  output_audio_mtok: "output_audio",
  requests_kcount: "requests",
  web_searches_kcount: "web_searches",
};

/** Prices, and where they come from. */
export interface PriceData {
  prices: ImportedPrice[];
  source: string;
}

/** The prices of the package that comes with the CLI. */
export function packagedPrices(): PriceData {
  const prices = providers.flatMap((id) => {
    const provider = findProvider({ providerId: id });
    return provider?.id === id ? provider.models.map((model) => toPrice(id, model)) : [];
  });
  return { prices, source: "@pydantic/genai-prices 0.1.8" };
}

const step = z.tuple([z.number(), z.number()]);
const ownForm = z.array(
  z.object({
    provider: z.string(),
    model: z.string(),
    prices: z.array(
      z.object({
        from: z.string().optional(),
        daily: z.tuple([z.string(), z.string()]).optional(),
        units: z.record(z.string(), z.array(step)),
      }),
    ),
    names: z.array(z.object({ name: z.string(), exact: z.boolean() })).optional(),
  }),
);
const theirForm = z
  .array(z.looseObject({ id: z.string(), models: z.array(z.looseObject({ id: z.string() })) }))
  .or(
    z.object({
      providers: z.array(
        z.looseObject({ id: z.string(), models: z.array(z.looseObject({ id: z.string() })) }),
      ),
    }),
  );

/**
 * The prices of a file, in the form of docs/costs.md or of genai-prices. Throws an error that says
 * what is wrong with it.
 */
export async function pricesOf(file: string): Promise<PriceData> {
  const given: unknown = JSON.parse(await readFile(file, "utf8"));
  const own = ownForm.safeParse(given);
  if (own.success) return { prices: own.data as ImportedPrice[], source: file.slice(-200) };
  const theirs = theirForm.safeParse(given);
  if (!theirs.success) throw own.error;
  const all = Array.isArray(theirs.data) ? theirs.data : theirs.data.providers;
  const prices = all.flatMap(({ id, models }) =>
    models.map((model) => toPrice(id, model as unknown as ModelInfo)),
  );
  return { prices, source: file.slice(-200) };
}

function toPrice(provider: string, { id, match, prices }: ModelInfo): ImportedPrice {
  const entries: ConditionalPrice[] = Array.isArray(prices) ? prices : [{ prices }];
  return {
    provider: inAiSdk[provider] ?? provider,
    model: id,
    prices: entries.map(({ constraint, prices: given }) => ({
      ...(constraint && "start_date" in constraint && { from: constraint.start_date }),
      ...(constraint &&
        "start_time" in constraint && {
          daily: [constraint.start_time, constraint.end_time] as [string, string],
        }),
      units: toUnits(given),
    })),
    names: toNames(match).filter(({ name, exact }) => !(exact && name === id)),
  };
}

const toUnits = (prices: ModelPrice) =>
  Object.fromEntries(
    Object.entries(prices).flatMap(([key, price]) => {
      const unit = units[key];
      if (unit === undefined || price === undefined) return [];
      const steps: [number, number][] =
        typeof price === "number"
          ? [[0, price]]
          : [[0, price.base], ...price.tiers.map((t): [number, number] => [t.start, t.price])];
      return [[unit, steps]];
    }),
  );

/**
 * Turns patterns into names and beginnings of names. Other kinds of patterns are left out, so a model
 * that matches only those has no known price.
 */
function toNames(match: MatchLogic): { name: string; exact: boolean }[] {
  if ("or" in match) return match.or.flatMap(toNames);
  if ("equals" in match) return [{ name: match.equals, exact: true }];
  return "starts_with" in match ? [{ name: match.starts_with, exact: false }] : [];
}
