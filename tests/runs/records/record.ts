/**
 * Makes a fixture: a run as it is recorded with an older version of the package `ai`. Install that version in
 * a folder of its own, because the repository has the newest one:
 *
 *   mkdir /tmp/ai-6 && cd /tmp/ai-6 && npm init -y && npm install ai@6.0.326
 *   node tests/runs/records/record.ts /tmp/ai-6 > tests/runs/records/ai-6.0.326.jsonl
 *
 * It does what a worker does: one step of `streamText` at a time, whose parts are recorded by a middleware,
 * with tools that have no `execute`.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { conversation, partsOf, schemas, steps } from "./conversation.ts";

const folder = process.argv[2] ?? "";
const require = createRequire(join(folder, "package.json"));
const { version } = JSON.parse(
  await readFile(join(folder, "node_modules/ai/package.json"), "utf8"),
);
/** What is the same in all versions. What has changed is asked for where it is used. */
type OldAi = Pick<typeof import("ai"), "jsonSchema" | "stepCountIs" | "tool"> & {
  wrapLanguageModel(given: object): object;
  toUIMessageStream?(given: object): AsyncIterable<unknown>;
  streamText(given: object): {
    stream: unknown;
    toUIMessageStream(given: object): AsyncIterable<unknown>;
    responseMessages?: Promise<object[]>;
    response: Promise<{ messages: object[] }>;
  };
};
const ai: OldAi = await import(pathToFileURL(require.resolve("ai")).href);
const specificationVersion = version.startsWith("6.") ? "v3" : "v4";

const tools = Object.fromEntries(
  Object.entries(schemas).map(([name, { schema, problemOf }]) => [
    name,
    ai.tool({
      description: `The tool ${name}.`,
      inputSchema: ai.jsonSchema(schema, {
        validate: async (value) => {
          const problem = problemOf(value);
          return problem ? { success: false, error: new Error(problem) } : { success: true, value };
        },
      }),
    }),
  ]),
);

type Recordable = { type: string; id?: string; delta?: string };
const deltas = new Set(["text-delta", "reasoning-delta", "tool-input-delta"]);
function keep(parts: Recordable[], part: Recordable): void {
  const last = parts.at(-1);
  const joins =
    deltas.has(part.type) &&
    last?.type === part.type &&
    last.id === part.id &&
    !("providerMetadata" in last) &&
    !("providerMetadata" in part);
  if (last && joins) parts[parts.length - 1] = { ...last, delta: `${last.delta}${part.delta}` };
  else parts.push(part);
}

const messages: object[] = [{ role: "user", content: conversation.question }];
for (let step = 1; step <= steps; step++) {
  const parts: Recordable[] = [];
  let prompt: unknown;
  const model = ai.wrapLanguageModel({
    model: {
      specificationVersion,
      provider: "test.scripted",
      modelId: "scripted",
      supportedUrls: {},
      doGenerate: () => Promise.reject(new Error("It only streams.")),
      doStream: async (options: { prompt: unknown }) => {
        prompt = options.prompt;
        const stream = new ReadableStream({
          start(controller) {
            for (const part of partsOf(step)) controller.enqueue(part);
            controller.close();
          },
        });
        return { stream };
      },
    },
    middleware: {
      specificationVersion,
      async wrapStream({ doStream }: { doStream(): Promise<{ stream: ReadableStream }> }) {
        const { stream, ...rest } = await doStream();
        const recording = new TransformStream({
          transform(part, controller) {
            keep(parts, part);
            controller.enqueue(part);
          },
        });
        return { stream: stream.pipeThrough(recording), ...rest };
      },
    },
  });
  const result = ai.streamText({
    model,
    messages: [...messages],
    tools,
    stopWhen: ai.stepCountIs(1),
    maxRetries: 0,
    ...(specificationVersion === "v3"
      ? { system: conversation.instructions }
      : { instructions: conversation.instructions }),
  });
  const form = { sendStart: false, sendFinish: false, onError: (error: Error) => error.message };
  const stream = ai.toUIMessageStream
    ? ai.toUIMessageStream({ stream: result.stream, tools, ...form })
    : result.toUIMessageStream(form);
  const chunks: unknown[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const answer = await (result.responseMessages ?? (await result.response).messages);
  process.stdout.write(
    `${JSON.stringify({ ai: version, step, prompt, parts, messages: answer, chunks })}\n`,
  );
  const outcomes = conversation.outcomesOf(step);
  messages.push(...answer);
  if (outcomes.length > 0) messages.push(conversation.toolMessage(outcomes));
}
