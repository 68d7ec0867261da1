import type { Agent } from "@mayfly/sdk";
import { placeOf } from "./episode.ts";
import { type ExcerptLine, excerpt } from "./excerpt.ts";
import { dataOf, until } from "./failure.ts";

export interface Finding {
  title: string;
  path: string;
  line: number;
  score: number;
  excerpt: ExcerptLine[];
  text: string;
  /** Who learned it; an agent's name outlives it. */
  agent: string | null;
  endedAt: string | null;
}

export interface Answer {
  question: string;
  /** How it was found: `hybrid`, or `words_only` where nothing could be embedded. */
  mode: string;
  model: string | null;
  /** Why it was found by words alone. */
  problem: string | null;
  findings: Finding[];
}

const BEST = 3;
/** Some findings are parts of one section: enough to have three different ones. */
const ASKED = 12;

/** Asks the memory of the team; the asking agent knows nothing itself. */
export async function ask(
  agent: Agent,
  question: string,
  tag: string,
  signal: AbortSignal,
): Promise<Answer> {
  const { results, ...how } = dataOf(
    "Asking failed",
    await until(signal, agent.recall(question, { limit: ASKED, kinds: ["episode"], tags: [tag] })),
  );
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const memory of results) {
    const place = placeOf(memory.metadata);
    if (!place) continue;
    const title = memory.task.replace(/ \(\d+\/\d+\)$/, "");
    // Parts of one section, and copies of one symbol: what is generated from it says the same.
    const copy = memory.output
      .split("\n")
      .slice(place.line - place.from)
      .join("\n")
      .slice(0, 200);
    const keys = [`${place.path} ${title}`, `${title} ${copy}`];
    if (keys.some((key) => seen.has(key))) continue;
    for (const key of keys) seen.add(key);
    findings.push({
      title: memory.task,
      path: place.path,
      line: place.line,
      score: memory.score,
      excerpt: excerpt({ text: memory.output, from: place.from, line: place.line }, question),
      text: memory.output,
      agent: memory.agentName,
      endedAt: memory.agentEndedAt?.toISOString() ?? null,
    });
    if (findings.length === BEST) break;
  }
  return { question, ...how, findings };
}
