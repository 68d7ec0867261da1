import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { recallBounds } from "../contract/recall-bounds.ts";
import type { Recall, RecalledMemory, RecallOptions } from "./recall.ts";

/** How to find recommendations. */
export interface RecommendOptions
  extends Omit<
    RecallOptions,
    "limit" | "grouped" | "surrounding" | "explain" | "minReward" | "task"
  > {
  /**
   * How many recommendations to return at most, and how many approaches to avoid: 1 to 20, 5 by default.
   */
  limit?: number;
  /** The lowest average reward at which an approach counts as having worked. 0.5 by default. */
  minReward?: number;
  /**
   * How similar a memory has to be to the task, 0 to 1. 0.3 by default. Unrelated memories have
   * 0.06 to 0.18.
   */
  minRelevance?: number;
}

/** An approach that was tried for similar tasks. */
export interface Recommendation {
  /** A memory of this approach: one with exactly this task, or else the most similar memory. */
  memory: RecalledMemory;
  /** The ids of other memories with the same approach. */
  others: string[];
  /** `relevance` times `expected`. Recommendations are sorted by it. */
  score: number;
  /** The relevance of its most similar memory. */
  relevance: number;
  tries: number;
  averageReward: number;
  /**
   * The reward to expect: the average of its tries, weighted by relevance, with one more try that has the
   * average reward of all similar memories. So one lucky try does not beat five good ones.
   */
  expected: number;
  /** Reasons in sentences, for people and for prompts. */
  reasons: string[];
}

/** What worked before for similar tasks. */
export interface Recommendations {
  /** Whether an approach is known to work. */
  known: boolean;
  /** Why nothing is recommended. Null if there are recommendations. */
  reason: string | null;
  /**
   * How many memories resemble the task, out of up to 100 that were considered, and how many of those
   * have a reward.
   */
  similar: number;
  rated: number;
  /** The average reward of these memories, weighted by relevance. Null if none has a reward. */
  averageReward: number | null;
  /** What worked, best first. */
  recommendations: Recommendation[];
  /** What was tried and did not work, the most relevant first. */
  avoid: Recommendation[];
  mode: Recall["mode"];
  problem: Recall["problem"];
}

interface Rated extends RecalledMemory {
  reward: number;
}

/** Two texts that share this much of their words count as saying the same. */
const sameFrom = 0.7;

/** Recalls memories that resemble a task, and judges them by their rewards. */
export async function recommend(
  task: string,
  options: RecommendOptions,
  recall: (query: string, filters: RecallOptions) => Promise<Result<Recall>>,
): Promise<Result<Recommendations>> {
  const { limit = 5, minReward = 0.5, minRelevance = 0.3, ...filters } = options;
  const { least, most } = recallBounds.recommendations;
  if (!Number.isInteger(limit) || limit < least || limit > most)
    return failed(invalid("limit", `must be a whole number from ${least} to ${most}`));
  for (const [field, share] of Object.entries({ minReward, minRelevance }))
    if (!(share >= 0 && share <= 1)) return failed(invalid(field, "must be a number from 0 to 1"));
  const recalled = await recall(task, { ...filters, limit: 100, grouped: false });
  if (recalled.error) return recalled;

  const similar = recalled.data.results.filter(({ parts }) => parts.relevance >= minRelevance);
  const rated = similar.filter((memory): memory is Rated => memory.reward !== null);
  const prior = weighted(rated);
  const ways = waysOf(rated).map((tries) => toRecommendation(task, tries, prior ?? 0, minReward));
  const worked = ways
    .filter(({ averageReward }) => averageReward >= minReward)
    .sort((a, b) => b.score - a.score || (a.memory.id < b.memory.id ? -1 : 1));
  const avoid = ways
    .filter(({ averageReward }) => averageReward < minReward)
    .sort((a, b) => b.relevance - a.relevance || (a.memory.id < b.memory.id ? -1 : 1));
  const { mode, problem } = recalled.data;
  return ok({
    known: worked.length > 0,
    reason: worked.length > 0 ? null : whyNone(similar.length, rated.length, minReward),
    similar: similar.length,
    rated: rated.length,
    averageReward: prior,
    recommendations: worked.slice(0, limit),
    avoid: avoid.slice(0, limit),
    mode,
    problem,
  });
}

function whyNone(similar: number, rated: number, minReward: number): string {
  if (similar === 0) return "No memory resembles this task.";
  if (rated === 0)
    return `${similar === 1 ? "One memory resembles" : `${similar} memories resemble`} this task, but none has a reward: pass a reward to remember.`;
  return `Nothing that was tried for similar tasks worked: no average reward is ${minReward} or more.`;
}

/** The average reward, weighted by relevance. */
function weighted(rated: Rated[]): number | null {
  const weight = rated.reduce((sum, { parts }) => sum + parts.relevance, 0);
  if (weight === 0) return null;
  return rated.reduce((sum, { parts, reward }) => sum + parts.relevance * reward, 0) / weight;
}

/** Memories with the same approach, grouped. The most relevant of each group comes first. */
function waysOf(rated: Rated[]): [Rated, ...Rated[]][] {
  const ways: { words: Set<string>; tries: [Rated, ...Rated[]] }[] = [];
  const byRelevance = [...rated].sort(
    (a, b) => b.parts.relevance - a.parts.relevance || (a.id < b.id ? -1 : 1),
  );
  for (const memory of byRelevance) {
    const words = wordsOf(memory.output || memory.input || memory.task);
    const same = ways.find((way) => alike(way.words, words) >= sameFrom);
    if (same) same.tries.push(memory);
    else ways.push({ words, tries: [memory] });
  }
  return ways.map(({ tries }) => tries);
}

const wordsOf = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);

function alike(a: Set<string>, b: Set<string>): number {
  const both = [...a].filter((word) => b.has(word)).length;
  return both === 0 ? 0 : both / (a.size + b.size - both);
}

function toRecommendation(
  task: string,
  tries: [Rated, ...Rated[]],
  prior: number,
  minReward: number,
): Recommendation {
  const memory = tries.find((one) => plain(one.task) === plain(task)) ?? tries[0];
  const others = tries.filter((one) => one !== memory);
  const { relevance } = tries[0].parts;
  const rewards = tries.map(({ reward }) => reward);
  const averageReward = rewards.reduce((sum, reward) => sum + reward, 0) / tries.length;
  const weight = tries.reduce((sum, { parts }) => sum + parts.relevance, 0);
  const gained = tries.reduce((sum, { parts, reward }) => sum + parts.relevance * reward, 0);
  const expected = (gained + prior) / (weight + 1);
  return {
    memory,
    others: others.map(({ id }) => id),
    score: relevance * expected,
    relevance,
    tries: tries.length,
    averageReward,
    expected,
    reasons: reasonsOf(task, memory, rewards, averageReward, minReward, tries),
  };
}

const two = (value: number) => value.toFixed(2);
const plain = (text: string) => text.trim().toLowerCase().replace(/\s+/g, " ");

function reasonsOf(
  task: string,
  memory: Rated,
  rewards: number[],
  average: number,
  minReward: number,
  tries: Rated[],
): string[] {
  const worked = rewards.filter((reward) => reward >= minReward).length;
  const newest = tries.reduce((a, b) => (a.createdAt >= b.createdAt ? a : b));
  const { critique } = [memory, ...tries].find((one) => one.critique !== "") ?? memory;
  const by = newest.agentName ? ` by ${newest.agentName}` : "";
  return [
    rewards.length === 1
      ? `It was tried once, with a reward of ${two(average)}.`
      : `It worked in ${worked} of ${rewards.length} tries, with an average reward of ${two(average)}.`,
    plain(memory.task) === plain(task)
      ? "The task was the same."
      : `The task was similar (${two(memory.parts.relevance)} of 1)${memory.task ? `: ${memory.task}` : "."}`,
    ...(worked > 0 && worked < rewards.length
      ? [
          `It did not always work: the rewards are from ${two(Math.min(...rewards))} to ${two(Math.max(...rewards))}.`,
        ]
      : []),
    `It was last tried on ${newest.createdAt.toISOString().slice(0, 10)}${by}.`,
    ...(critique ? [`The critique was: ${critique}`] : []),
  ];
}
