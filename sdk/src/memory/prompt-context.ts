import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import type { Recall, RecalledMemory, RecallOptions } from "./recall.ts";

/** The task of a context, and how long it may be. */
export interface ContextOptions extends Omit<RecallOptions, "limit"> {
  /** The topic of the prompt: the query of the recall. */
  task: string;
  /** The token budget for everything in `text`. */
  maxTokens: number;
  /** Counts the tokens of a text. By default a token is 4 characters, rounded up. */
  countTokens?: (text: string) => number;
  /** How many memories to consider, best first. 30 by default, 100 at most. */
  candidates?: number;
  /** Cuts the first memory that does not fit, instead of leaving it out. */
  cut?: boolean;
}

/** Why a memory is not in a context. */
export interface LeftOut {
  memory: RecalledMemory;
  /** `budget`: there was no room. `duplicate`: an included memory says the same. */
  reason: "budget" | "duplicate";
  /** How many tokens it would have needed. */
  tokens: number;
}

/** Memories for a prompt. */
export interface Context {
  /** Put this into the prompt. It has a block for each memory, best first. */
  text: string;
  /** The number of tokens in `text`. */
  tokens: number;
  /** The included memories, in order. */
  memories: RecalledMemory[];
  /** Recalled memories that are not included. */
  leftOut: LeftOut[];
  /** Whether the last memory is cut. */
  cut: boolean;
  mode: Recall["mode"];
  problem: Recall["problem"];
}

const separator = "\n\n";
const ellipsis = " …";
const estimate = (text: string) => Math.ceil(text.length / 4);

/** Recalls memories for a context and packs them. */
export async function recallContext(
  options: ContextOptions,
  recall: (query: string, filters: RecallOptions) => Promise<Result<Recall>>,
): Promise<Result<Context>> {
  const { task, maxTokens, countTokens: _count, candidates, cut: _cut, ...filters } = options;
  if (!(maxTokens > 0)) return failed(invalid("maxTokens", "must be more than 0"));
  const recalled = await recall(task, { ...filters, limit: candidates ?? 30 });
  return recalled.error ? recalled : ok(packContext(recalled.data, options));
}

/**
 * Packs the best results of a recall into a budget. If a memory does not fit, smaller memories after it may
 * still fit.
 */
export function packContext(recall: Recall, options: ContextOptions): Context {
  const { maxTokens, countTokens = estimate, cut: mayCut = false } = options;
  const memories: RecalledMemory[] = [];
  const leftOut: LeftOut[] = [];
  const said = new Set<string>();
  let text = "";
  let cut = false;
  for (const memory of recall.results) {
    const block = blockOf(memory);
    const joined = text === "" ? block : text + separator + block;
    const leave = (reason: LeftOut["reason"]) =>
      leftOut.push({ memory, reason, tokens: countTokens(block) });
    const content = JSON.stringify([memory.task, memory.input, memory.output, memory.critique]);
    if (said.has(content)) {
      leave("duplicate");
    } else if (countTokens(joined) <= maxTokens) {
      text = joined;
      memories.push(memory);
      said.add(content);
    } else if (mayCut && !cut) {
      // Keep at least the heading of the block. Less would be useless.
      const least = joined.length - block.length + (block.indexOf("\n") + 1 || block.length);
      const length = longestWithin(joined, least, (part) => countTokens(part) <= maxTokens);
      if (length === null) {
        leave("budget");
        continue;
      }
      text = joined.slice(0, length).trimEnd() + ellipsis;
      cut = true;
      memories.push(memory);
      said.add(content);
    } else {
      leave("budget");
    }
  }
  const { mode, problem } = recall;
  return { text, tokens: countTokens(text), memories, leftOut, cut, mode, problem };
}

/**
 * The greatest length, of at least `least`, at which a cut text fits. Null if not even `least` fits.
 */
function longestWithin(
  text: string,
  least: number,
  fits: (part: string) => boolean,
): number | null {
  const at = (length: number) => text.slice(0, length).trimEnd() + ellipsis;
  let low = least;
  let high = text.length;
  if (!fits(at(low))) return null;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(at(middle))) low = middle;
    else high = middle - 1;
  }
  // Never cut a surrogate pair in half.
  return text.slice(0, low).isWellFormed() ? low : low - 1;
}

function blockOf({ task, input, output, critique, reward }: RecalledMemory): string {
  const heading = `## ${task === "" ? "(without a task)" : task}`;
  return [
    reward === null ? heading : `${heading} (reward ${Number(reward.toFixed(2))})`,
    input,
    output,
    critique === "" ? "" : `Critique: ${critique}`,
  ]
    .filter((part) => part !== "")
    .join("\n");
}
