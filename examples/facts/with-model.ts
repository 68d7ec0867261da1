/** Extraction with any model of the AI SDK. */
import { generateText, type LanguageModel, Output } from "ai";
import { type Extracted, extracted, type Line } from "./extraction.ts";

const instructions = `You extract facts from a transcript. Each fact has a subject and an object, which are entities that
the text names, and a predicate such as owns, depends_on or works_at. Resolve "I" to the speaker. Write service names
without the word "service". "many" is true where a subject can have several objects at once, as with depends_on; an
owner of something is said as { subject: the thing, predicate: "owner", object: the person, many: false }, so that a new
owner replaces the old one. "line" is the number of the line that says it. Leave out small talk and questions.`;

export async function extractByModel(model: LanguageModel, lines: Line[]): Promise<Extracted[]> {
  const numbered = lines.map(({ speaker, text }, index) => `${index + 1}. ${speaker}: ${text}`);
  const { output } = await generateText({
    model,
    instructions,
    prompt: numbered.join("\n"),
    output: Output.array({ element: extracted }),
  });
  return output;
}
