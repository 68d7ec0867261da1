import { z } from "zod";
import { count, list, maybeCount, text } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { memoryColumns, memoryRow } from "../contract/memory-rows.ts";
import { recallBounds } from "../contract/recall-bounds.ts";
import type { MemoryKind } from "../contract/schemas.ts";
import { fromDataApi } from "../link/call.ts";
import { listOf } from "../link/filters.ts";
import type { Link } from "../link/link.ts";
import { kMeans } from "./k-means.ts";

/** How to cluster memories. */
export interface ClusterOptions {
  /**
   * How many clusters to make at most, 2 to 50. By default the square root of half the number of memories, but
   * at most 20.
   */
  count?: number;
  /** How many memories to look at, drawn by a hash of their ids: 10 to 3,000, 1,000 by default. */
  sample?: number;
  kinds?: MemoryKind[];
}

/** Memories about the same topic. */
export interface Cluster {
  /** The three words that best set it apart from the other clusters. */
  name: string;
  /** Up to eight words, the most telling first, spelled as in the memories. */
  words: string[];
  /** How many memories of the sample are in it. */
  size: number;
  /** Its share of the sample, 0 to 1. */
  share: number;
  /** The average reward. Null if no memory has one. */
  averageReward: number | null;
  /** Up to three memories that contain the most of its words. */
  examples: { id: string; task: string }[];
  /** The ids of all its memories. */
  ids: string[];
}

/** The topics of the tenant's memories. */
export interface Clusters {
  /** How many memories the caller may see, and how many of them were looked at. */
  memories: number;
  sampled: number;
  /** The largest first. */
  clusters: Cluster[];
  /** How many memories share no telling words with any other memory. */
  unclustered: number;
}

interface Item {
  id: string;
  task: string;
  reward: number | null;
  words: Record<string, number>;
}
const sampleAnswer = z.object({
  memories: count,
  items: list(z.object({ id: text, task: text, reward: maybeCount, words: z.record(text, count) })),
}) as unknown as z.ZodType<{ memories: number; items: Item[] }>;

/** Clusters a sample of the memories that the caller may see, by words. */
export async function cluster(
  link: Link,
  tenant: string,
  options: ClusterOptions,
): Promise<Result<Clusters>> {
  const { clusters: bounds } = recallBounds;
  const { count: wanted, sample = 1_000, kinds } = options;
  if (
    wanted !== undefined &&
    (!Number.isInteger(wanted) || wanted < bounds.least || wanted > bounds.most)
  )
    return failed(
      invalid("count", `must be a whole number from ${bounds.least} to ${bounds.most}`),
    );
  const values = { sample_size: sample, ...(kinds && { kinds }) };
  const { data, error } = await link.rpc("cluster_sample", values, sampleAnswer);
  if (error) return failed(error);
  const { memories, items } = data;
  const most = wanted ?? Math.min(20, Math.max(2, Math.round(Math.sqrt(items.length / 2))));
  const of = kMeans(items, most);
  const groups = [...Array(most).keys()]
    .map((number) => items.filter((_, index) => of[index] === number))
    // A group of one memory is not a cluster.
    .filter((group) => group.length > 1);
  const named = groups.map((group) => {
    const words = tellingWords(group, items);
    return { group, words, examples: examplesOf(group, words) };
  });
  const written = await writtenForms(
    link,
    tenant,
    named.flatMap(({ examples }) => examples.map(({ id }) => id)),
  );
  if (written.error) return written;
  const clusters = named.map(({ group, words, examples }) => {
    const forms = words.flatMap((word) => written.data(word) ?? []);
    const shown = [...new Set(forms.length > 0 ? forms : words)].slice(0, 8);
    const rewards = group.flatMap(({ reward }) => (reward === null ? [] : [reward]));
    return {
      name: shown.slice(0, 3).join(", "),
      words: shown,
      size: group.length,
      share: group.length / items.length,
      averageReward:
        rewards.length === 0 ? null : rewards.reduce((sum, one) => sum + one, 0) / rewards.length,
      examples,
      ids: group.map(({ id }) => id),
    };
  });
  clusters.sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1));
  const clustered = groups.reduce((sum, group) => sum + group.length, 0);
  return ok({ memories, sampled: items.length, clusters, unclustered: items.length - clustered });
}

/**
 * The words that are common in a group and rare outside of it. A word's value is
 * `share * log(share / outside)`: `share` is the part of the group's memories that have the word,
 * and `outside` the part of all other memories.
 */
function tellingWords(group: Item[], all: Item[]): string[] {
  const counted = (items: Item[]) => {
    const counts = new Map<string, number>();
    for (const { words } of items)
      for (const word of Object.keys(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
    return counts;
  };
  const [inside, everywhere] = [counted(group), counted(all)];
  const outsiders = Math.max(1, all.length - group.length);
  return [...inside]
    .map(([word, times]) => {
      const share = times / group.length;
      const outside = ((everywhere.get(word) ?? 0) - times + 0.5) / (outsiders + 1);
      return { word, score: share * Math.log(share / outside), times };
    })
    .filter(({ times }) => times > 1)
    .sort((a, b) => b.score - a.score || (a.word < b.word ? -1 : 1))
    .slice(0, 12)
    .map(({ word }) => word);
}

const examplesOf = (group: Item[], words: string[]) =>
  [...group]
    .map(({ id, task, words: own }) => ({
      example: { id, task },
      has: words.reduce((sum, word) => sum + (own[word] ?? 0), 0),
    }))
    .sort((a, b) => b.has - a.has || (a.example.id < b.example.id ? -1 : 1))
    .slice(0, 3)
    .map(({ example }) => example);

/**
 * Finds written forms for stems, because the memories' words are stems. For each, returns the form that the
 * examples use most, or null if they use none.
 */
async function writtenForms(
  link: Link,
  tenant: string,
  ids: string[],
): Promise<Result<(stem: string) => string | null>> {
  const forms = new Map<string, number>();
  if (ids.length > 0) {
    const rows = await link.client
      .from("memories")
      .select(memoryColumns)
      .eq("tenant_id", tenant)
      .filter("id", "in", listOf(ids));
    const { data, error } = fromDataApi(rows, list(memoryRow));
    if (error) return failed(error);
    for (const { task, input, output, tags } of data)
      for (const word of [task, tags.join(" "), input, output]
        .join(" ")
        .toLowerCase()
        .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [])
        forms.set(word, (forms.get(word) ?? 0) + 1);
  }
  return ok((stem) => {
    // "layer" is written layer or layers, and "bodi" body or bodies.
    const beginning = stem.endsWith("i") && stem.length > 3 ? stem.slice(0, -1) : stem;
    const [best] = [...forms]
      .filter(([word]) => word.startsWith(beginning) && word.length <= stem.length + 4)
      .sort(([a, x], [b, y]) => y - x || a.length - b.length || (a < b ? -1 : 1));
    return best?.[0] ?? null;
  });
}
