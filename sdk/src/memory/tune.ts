import { z } from "zod";
import { count, flag, list, maybeText, row, text, texts, word } from "../contract/answer-form.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";
import type { Embedder } from "./embedder.ts";
import { type Findings, fuse, ndcg } from "./fusion.ts";
import type { Recall, RecallOptions } from "./recall.ts";

/** How to measure an embedding model. */
export interface TuneOptions {
  /** 20 to 200 questions; 60 by default. */
  questions?: number;
  /**
   * Embeds the questions in this process, if you make the vectors of your memories yourself. By default,
   * the functions embed them.
   */
  embedder?: Embedder;
  /** Whether to set the measured weight for the tenant. True by default. */
  apply?: boolean;
  onProgress?: (progress: { asked: number; questions: number }) => void;
}

/** How well the tenant's questions are answered at one weight of meaning: nDCG@10. */
export interface TunedWeight {
  meaning: number;
  /** The result for the even questions, and for the odd ones. */
  halves: [number, number];
  all: number;
}

/** How much an embedding model helps the tenant. */
export interface Tuned {
  model: string;
  /**
   * `groups`: a memory is the question, and the others of its conversation or task are the answers.
   * `passages`: a passage without its rarer words has to find its memory. This is used if there are fewer
   * than 20 groups.
   */
  mode: "groups" | "passages";
  questions: number;
  /** The old weight, and the best one that was found. */
  before: number;
  meaning: number;
  /** The similarity of unrelated memories. */
  unrelated: number;
  /** Results by weight of meaning. 0 uses only words. */
  table: TunedWeight[];
  /** Whether the best weight was set for the tenant. */
  applied: boolean;
  /** Why the weight stays the same. Null if a better weight was found. */
  problem: string | null;
}

const weights = [0, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8];
/** With a few dozen questions, a smaller difference is noise. */
const noise = 0.005;
const fewest = 20;

interface Asked {
  id: string | null;
  query: string;
  relevant: string[];
}
const questionsAnswer = z.object({
  mode: word,
  questions: list(row<Asked>({ id: maybeText, query: text, relevant: texts })),
  vectors: count,
  meaning: count,
  was_unrelated: count,
  unrelated: count.nullable(),
}) as unknown as z.ZodType<{
  mode: Tuned["mode"];
  questions: Asked[];
  vectors: number;
  meaning: number;
  was_unrelated: number;
  unrelated: number | null;
}>;
const worthRow = row<{ model: string; meaning: number; unrelated: number; measured: boolean }>({
  model: text,
  meaning: count,
  unrelated: count,
  measured: flag,
});

type Ask = (query: string, options: RecallOptions) => Promise<Result<Recall>>;

/** Measures how much the model of the tenant's vectors helps, and sets its weight. */
export async function tune(link: Link, recall: Ask, options: TuneOptions): Promise<Result<Tuned>> {
  const { questions: wanted = 60, embedder, apply = true, onProgress } = options;
  if (!Number.isInteger(wanted) || wanted < fewest || wanted > 200)
    return failed(invalid("questions", `must be a whole number from ${fewest} to 200`));
  const named = embedder ? ok(embedder.model) : await modelOf(recall);
  if (named.error) return named;
  const model = named.data;
  const given = await link.rpc("tuning_questions", { questions: wanted, model }, questionsAnswer);
  if (given.error) return given;
  const { mode, questions, vectors, meaning: before, was_unrelated, unrelated } = given.data;
  if (vectors < fewest || questions.length < fewest)
    return failed(
      tooFew(
        vectors < fewest
          ? `${vectors} vectors of ${model}`
          : `${questions.length} memories with enough text`,
      ),
    );

  const found: Findings[] = [];
  for (const question of questions) {
    const answer = await ask(question, recall, model, embedder);
    if (answer.error) return answer;
    found.push(answer.data);
    onProgress?.({ asked: found.length, questions: questions.length });
  }
  const base = unrelated ?? was_unrelated;
  const table = [...new Set([...weights, before])]
    .sort((a, b) => a - b)
    .map((weight) => measure(weight, found, base));
  const { meaning, problem } = choose(table, before);
  const measured = { mode, questions: questions.length, table };
  if (apply) {
    const values = { model, meaning, unrelated: base, measured };
    const { error } = await link.rpc("set_model_worth", values, worthRow);
    if (error) return failed(error);
  }
  const count = questions.length;
  return ok({
    model,
    mode,
    questions: count,
    before,
    meaning,
    unrelated: base,
    table,
    applied: apply,
    problem,
  });
}

/** Restores the default weight of a model. */
export const untune = (link: Link, model: string) =>
  link.rpc("set_model_worth", { model }, worthRow);

/** The model with which the functions embed a question. */
async function modelOf(recall: Ask): Promise<Result<string>> {
  const { data, error } = await recall("which model", { limit: 1 });
  if (error) return failed(error);
  if (data.mode === "hybrid" && data.model) return ok(data.model);
  return failed(
    new MayflyError({
      code: "not_configured",
      message: `The questions could not be embedded: ${data.problem ?? "no embedder is configured"}.`,
      hint: "Configure the functions' embedder, or pass the one that made your vectors: tune({ embedder }).",
      details: null,
    }),
  );
}

const tooFew = (what: string) =>
  new MayflyError({
    code: "invalid_request",
    message: `There is too little to measure: ${what}, but ${fewest} are needed.`,
    hint: "Remember more, or embed existing memories with reembed. Until then the model keeps its default weight.",
    details: { field: "questions" },
  });

/**
 * Asks for the results of words and of meaning, separately. Reward, age and neighbours do not count here,
 * because they would reveal which memories belong together.
 */
async function ask(
  { id, query, relevant }: Asked,
  recall: Ask,
  model: string,
  embedder: Embedder | undefined,
): Promise<Result<Findings>> {
  const [embedding] = embedder ? await embedder.embed([query]) : [];
  const alone = { neighbours: 0, reward: 0, importance: 0, recency: 0 };
  const by = (words: number, meaning: number) =>
    recall(query, {
      limit: 100,
      grouped: false,
      weights: { ...alone, words, meaning },
      ...(embedding && { embedding, model }),
    });
  const [words, meaning] = await Promise.all([by(1, 0), by(0, 1)]);
  if (words.error) return words;
  if (meaning.error) return meaning;
  const scores = (of: Recall, part: "words" | "similarity") =>
    new Map(
      of.results
        .flatMap(({ id: hit, parts }) => {
          const score = parts[part];
          return hit === id || score === null ? [] : [[hit, score] as const];
        })
        .sort(([, a], [, b]) => b - a),
    );
  return ok({
    relevant: new Set(relevant),
    words: scores(words.data, "words"),
    meaning: scores(meaning.data, "similarity"),
  });
}

function measure(weight: number, found: Findings[], unrelated: number): TunedWeight {
  const each = found.map((one) => ndcg(fuse(one, weight, unrelated), one.relevant));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const half = (parity: number) => mean(each.filter((_, index) => index % 2 === parity));
  return { meaning: weight, halves: [half(0), half(1)], all: mean(each) };
}

/**
 * The smallest weight that is as good as the best. For each half of the questions, it must not be worse than
 * the current weight.
 */
export function choose(
  table: TunedWeight[],
  before: number,
): { meaning: number; problem: string | null } {
  const best = Math.max(...table.map(({ all }) => all));
  const chosen = table.find(({ all }) => all >= best - noise);
  const now = table.find(({ meaning }) => meaning === before);
  if (!chosen || !now) return { meaning: before, problem: null };
  if (chosen.all < now.all + noise && now.all >= best - noise)
    return { meaning: before, problem: "The current weight is as good as any other." };
  if (chosen.halves.some((half, index) => half < (now.halves[index] ?? 0) - noise))
    return {
      meaning: before,
      problem: "The halves of the questions disagree about a better weight.",
    };
  return { meaning: chosen.meaning, problem: null };
}
