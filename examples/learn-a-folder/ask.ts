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
  /** By a model, where there is one, from the findings. */
  written?: Written;
}

const BEST = 3;
/** A model reads more of them than a person likes to. */
const READ = 6;
/** Some findings are parts of one section: enough to have three different ones. */
const ASKED = 12;

/** Asks the memory of the team; the asking agent knows nothing itself. */
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
    // Parts of one section, and copies of one symbol: what is generated from it says the same.
    const copy = memory.output
      .split("\n")
      .slice(place.line - place.from)
      .join("\n")
      .slice(0, 200);
    const keys = [`${place.path} ${title}`, `${title} ${copy}`];
    if (keys.some((key) => seen.has(key))) continue;
    for (const key of keys) seen.add(key);
    found.push({
      title: memory.task,
      path: place.path,
      line: Math.max(1, place.line),
      score: memory.score,
      excerpt: excerpt({ text: memory.output, from: place.from, line: place.line }, question),
      text: memory.output,
      agent: memory.agentName,
      endedAt: memory.agentEndedAt?.toISOString() ?? null,
    });
  }
  // A passage that says what was asked before one that only has it as its title.
  const worth = ({ score, excerpt: lines }: Finding) =>
    score * (0.5 + shareOf(lines.map(({ text }) => text).join(" "), stems));
  const findings = found.toSorted((a, b) => worth(b) - worth(a)).slice(0, thinking ? READ : BEST);
  if (!thinking || findings.length === 0) return { question, ...how, findings };
  const passages = findings.map(({ path, line, text }) => ({ where: `${path}:${line}`, text }));
  return { question, ...how, findings, written: await thinking.answer(agent, question, passages) };
}
