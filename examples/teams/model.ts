/**
 * The agents' model. If there is a key, it is a model of the AI SDK. Otherwise it is a stand-in,
 * and its name says so.
 */
import { type Finding, mistakesOf, type Page } from "./task.ts";

/** Reads a page, or checks somebody's findings in it. */
export interface Model {
  name: string;
  read(who: string, page: Page): Promise<Finding[]>;
  check(who: string, page: Page, found: Finding[]): Promise<Finding[]>;
  /** The cost so far. */
  tokens: number;
}

const readPrompt = (text: string) =>
  `Find the statements in this text that contradict it or themselves. Answer with the exact words, one a line, and nothing else.\n\n${text}`;
const checkPrompt = (text: string, found: Finding[]) =>
  `Which of these words from the text really contradict the text or themselves? Answer with those, one a line, and nothing else.\n\nText: ${text}\n\n${found.map(({ words }) => words).join("\n")}`;

/** A model from the AI SDK's gateway. Set AI_GATEWAY_API_KEY, and MODEL to choose another than the default. */
async function realModel(name: string): Promise<Model> {
  const { generateText } = await import("ai");
  const model: Model = {
    name,
    tokens: 0,
    read: (_who, page) => ask(page, readPrompt(page.text)),
    check: (_who, page, found) =>
      found.length === 0 ? Promise.resolve([]) : ask(page, checkPrompt(page.text, found)),
  };
  const ask = async (page: Page, prompt: string): Promise<Finding[]> => {
    const { text, usage } = await generateText({ model: name, prompt });
    model.tokens += usage.totalTokens ?? 0;
    const lines = text.split("\n").map((line) => line.replace(/^[-*"\s]+|["\s]+$/g, ""));
    return lines.filter(Boolean).map((words) => ({ page: page.name, words }));
  };
  return model;
}

/** A number from 0 to 1 that is always the same for the same text. */
function chance(text: string): number {
  let hash = 2_166_136_261;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}

/**
 * A script instead of a model. It knows all mistakes, but shows each reader a different two thirds
 * of them. Sometimes it lets a reader report a mistake that does not exist. A check finds nine of
 * ten such reports.
 */
function scriptedModel(): Model {
  const model: Model = {
    name: "a scripted stand-in, not a model",
    tokens: 0,
    async read(who, { name: page, text }) {
      const found = mistakesOf(page).filter((words) => chance(`${who} ${words}`) < 0.67);
      if (chance(`${who} invents in ${page}`) < 0.25) found.push(text.slice(0, 20));
      model.tokens += Math.ceil(readPrompt(text).length / 4) + 12 * found.length;
      return found.map((words) => ({ page, words }));
    },
    async check(who, { name: page, text }, found) {
      const isReal = (words: string) => mistakesOf(page).includes(words);
      const kept = found.filter(({ words }) => isReal(words) || chance(`${who} ${words}`) < 0.1);
      model.tokens += Math.ceil(checkPrompt(text, found).length / 4) + 12 * kept.length;
      return kept;
    },
  };
  return model;
}

export const openModel = (): Model | Promise<Model> =>
  process.env.AI_GATEWAY_API_KEY
    ? realModel(process.env.MODEL ?? "anthropic/claude-haiku-4.5")
    : scriptedModel();
