/** Explains the rank of each result of a recall. */
import type { Recall, RecalledMemory } from "@mayfly/sdk";
import { printable } from "./format-values.ts";
import type { Output } from "./output.ts";

const two = (value: number) => value.toFixed(2);

/** Explains how rare the words of the question are, and how much each part contributes to a score. */
export function explainQuestion({ results }: Recall): string[] {
  const { asked, weights, level } = results[0]?.parts ?? {};
  return [
    ...(asked
      ? [
          `Asked for, of ${asked.memories} memories${asked.counted_in === null ? "" : ` (counted in ${asked.counted_in})`}:`,
          ...asked.words.map(
            ({ word, rarity, memories, chooses }) =>
              `  ${printable(word)}: in ${Math.round(memories)}, worth ${two(rarity)}${chooses ? "" : ", ranks only"}`,
          ),
        ]
      : []),
    ...(weights
      ? [
          `Weights: ${Object.entries(weights)
            .map(([name, weight]) => `${name} ${weight}`)
            .join(", ")}.`,
        ]
      : []),
    ...(level === undefined ? [] : [`Level of this answer: ${two(level)} of 1.`]),
  ];
}

/** A memory's rank by words and by meaning, and the other parts of its score. */
export function explainPlace(
  { parts, duplicates, surroundings }: RecalledMemory,
  output: Output,
): string[] {
  const found = [
    ...(parts.words_rank === null
      ? []
      : [`words ${parts.words_rank}. (fits ${two(parts.fit ?? 0)})`]),
    ...(parts.typos === null ? [] : [`${two(parts.typos)} similar to a word of its task or tags`]),
    ...(parts.vector_rank === null
      ? []
      : [`meaning ${parts.vector_rank}. (${two(parts.similarity ?? 0)})`]),
    ...(parts.neighbours ? [`${two(parts.neighbours)} from its neighbours`] : []),
  ];
  const worth = `relevance ${two(parts.relevance)}, reward ${two(parts.reward)}, importance ${parts.importance}, freshness ${two(parts.recency)}`;
  const lines = [
    `${found.join(", ")}; ${worth}`,
    ...(duplicates.length > 0 ? [`${duplicates.length} more say the same`] : []),
    ...(surroundings ?? []).map(({ place, task }) => `${place}: ${printable(task)}`),
  ];
  return lines.map((line) => `       ${output.paint("dim", line)}`);
}
