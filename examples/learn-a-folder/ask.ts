import type { Agent } from "@mayfly/sdk";
import { placeOf } from "./episode.ts";
import { type ExcerptLine, excerpt } from "./excerpt.ts";
import { dataOf, until } from "./failure.ts";
import type { Thinking, Written } from "./thinking.ts";
import { shareOf, stemsOf } from "./words.ts";

export interface Finding {
  title: string;
  path: string;
  line: number;
  /**
   * How well the finding answers the question, from 0 to 1: from recall's score, and from how much
   * of the question the excerpt mentions.
   */
  score: number;
  excerpt: ExcerptLine[];
  text: string;
  /** The name of the agent that learned this. The name is kept after the agent has ended. */
  agent: string | null;
  endedAt: string | null;
}

export interface Answer {
  question: string;
  /** How it was found: `hybrid`, or `words_only` if nothing could be embedded. */
  mode: string;
  model: string | null;
  /** The reason why it was found by words only. */
  problem: string | null;
  findings: Finding[];
  /** The answer that a model gives from the findings, if there is a model. */
  written?: Written;
}

const BEST = 3;
/** A model reads more findings than a person would. */
const READ = 6;
/**
 * How many memories are recalled. Some are parts of the same section, so this many are needed for
 * three different sections.
 */
const ASKED = 12;

/** Asks the team's memory. The agent that asks knows nothing itself. */
export async function ask(
  agent: Agent,
  question: string,
  tag: string,
  signal: AbortSignal,
  thinking: Thinking | null = null,
): Promise<Answer> {
  const { results, ...how } = dataOf(
    "Asking failed",
    await until(signal, agent.recall(question, { limit: ASKED, kinds: ["episode"], tags: [tag] })),
  );
  const stems = stemsOf(question);
  const found: Finding[] = [];
  const seen = new Set<string>();
  for (const memory of results) {
    const place = placeOf(memory.metadata);
    if (!place) continue;
    const title = memory.task.replace(/ \(\d+\/\d+\)$/, "");
    // Parts of one section count as copies of each other. So do copies of one symbol, such as
    // generated code.
    const copy = memory.output
      .split("\n")
      .slice(place.line - place.from)
      .join("\n")
      .slice(0, 200);
    const keys = [`${place.path} ${title}`, `${title} ${copy}`];
    if (keys.some((key) => seen.has(key))) continue;
    for (const key of keys) seen.add(key);
    const shown = excerpt({ text: memory.output, from: place.from, line: place.line }, question);
    // Passages that answer the question come before passages that mention it only in their title.
    const named = shareOf(shown.map(({ text }) => text).join(" "), stems);
    found.push({
      title: memory.task,
      path: place.path,
      line: Math.max(1, place.line),
      score: (memory.score * (1 + 2 * named)) / 3,
      excerpt: shown,
      text: memory.output,
      agent: memory.agentName,
      endedAt: memory.agentEndedAt?.toISOString() ?? null,
    });
  }
  const findings = found.toSorted((a, b) => b.score - a.score).slice(0, thinking ? READ : BEST);
  if (!thinking || findings.length === 0) return { question, ...how, findings };
  const passages = findings.map(({ path, line, text }) => ({ where: `${path}:${line}`, text }));
  return { question, ...how, findings, written: await thinking.answer(agent, question, passages) };
}
