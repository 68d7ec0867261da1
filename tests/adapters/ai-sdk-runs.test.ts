import { type RunMessage, toUIMessageStream, toUIMessageStreamResponse } from "@mayfly/ai-sdk";
import { type Agentlike, defineAgent, type Mayfly, runAgents, tool, type Work } from "@mayfly/sdk";
import { readUIMessageStream, type UIMessageChunk } from "ai";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { apiError, partsOf, scriptedModel } from "../runs/running.ts";

const words = Array.from({ length: 60 }, (_, n) => `word${n}`).join(" ");
let go = () => {};
let gate: Promise<void>;
const close = () => {
  gate = new Promise((resolve) => {
    go = resolve;
  });
};

/** A scripted model: it calls a tool, then says 60 words, and waits in the middle until the test lets it continue. */
const paused = new MockLanguageModelV4({
  doStream: async ({ prompt }) => {
    const step = 1 + prompt.filter(({ role }) => role === "assistant").length;
    const parts = partsOf(
      step,
      step === 1 ? { text: "I look. ", calls: [{ tool: "look", input: { at: "17" } }] } : words,
    );
    let sent = 0;
    return {
      stream: new ReadableStream({
        async pull(controller) {
          if (step === 2 && sent === 30) await gate;
          const part = parts[sent++];
          if (part) controller.enqueue(part);
          else controller.close();
        },
      }),
    };
  },
});
const analyst = defineAgent({
  name: "analyst",
  model: paused,
  tools: {
    look: tool({
      input: z.object({ at: z.string() }),
      risk: "read",
      run: ({ at }) => ({ at, status: "lost" }),
    }),
  },
});
const brief = defineAgent({ name: "brief", model: scriptedModel(() => "It was lost.") });
/** An agent whose first model stops in the middle of an answer. */
const stumbling = defineAgent({
  name: "stumbling",
  model: [
    new MockLanguageModelV4({
      doStream: async () => ({
        stream: simulateReadableStream({
          chunks: [
            ...partsOf(1, "It was never sent at all.").slice(0, 6),
            { type: "error", error: apiError(500) },
          ],
          chunkDelayInMs: null,
        }),
      }),
    }),
    scriptedModel(() => "It was lost."),
  ],
});
const refused = defineAgent({ name: "refused", model: scriptedModel(() => apiError(400)) });

let local: TestLocal;
let mayfly: Mayfly;
let work: Work;
beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly } = await local.enter());
  const worker = dataOf(await mayfly.spawn({ name: "worker", lifetime: 900 }));
  const agents = runAgents(analyst, brief, stumbling, refused);
  work = dataOf(await worker.work(agents, { pollMs: 100 }));
});
afterAll(async () => {
  go();
  await work?.stop();
  await mayfly?.close();
  await local?.close();
});
beforeEach(close);

async function start(agent: Agentlike) {
  return dataOf(await mayfly.runs.start(agent, "Why did order 17 fail?"));
}
async function chunksOf<Chunk = UIMessageChunk>(stream: AsyncIterable<Chunk>) {
  const chunks: Chunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
/** The message, once it contains what the test waits for. */
async function messageOf(
  stream: ReadableStream<UIMessageChunk>,
  {
    from,
    until = () => false,
  }: { from?: RunMessage; until?: (message: RunMessage) => boolean } = {},
): Promise<RunMessage> {
  let last: RunMessage | undefined;
  const read = readUIMessageStream<RunMessage>({ stream, ...(from && { message: from }) });
  for await (const message of read) {
    last = message;
    if (until(message)) break;
  }
  if (!last) throw new Error("There was no message.");
  return last;
}
const textOf = ({ parts }: RunMessage) =>
  parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");

describe("a run as a UI message stream", () => {
  it("gives the same message whenever it is opened, with fewer and longer deltas after the run", async () => {
    const run = await start(analyst);
    const live = messageOf(toUIMessageStream(run));
    go();
    const message = await live;
    expect(message).toMatchObject({
      id: run.id,
      role: "assistant",
      metadata: { run: run.id, seq: expect.any(Number) },
      parts: [
        { type: "step-start" },
        { type: "text", text: "I look. " },
        { type: "tool-look", state: "output-available", output: { at: "17", status: "lost" } },
        { type: "step-start" },
        { type: "text", text: words, state: "done" },
      ],
    });
    expect(await messageOf(toUIMessageStream(mayfly.runs.open(run.id)))).toEqual(message);
    const chunks = await chunksOf(toUIMessageStream(run));
    expect(chunks.filter(({ type }) => type === "text-delta").length).toBeLessThan(10);
    expect(chunks.at(-1)).toEqual({ type: "finish", finishReason: "stop" });
  });

  it("continues a partly received message without loss or repeat", async () => {
    const run = await start(analyst);
    const part = await messageOf(toUIMessageStream(run), {
      until: (message) => textOf(message).includes("word10"),
    });
    go();
    dataOf(await run.result());
    // JSON, because an application may have stored the message in between.
    const from = JSON.parse(JSON.stringify(part)) as RunMessage;
    const rest = toUIMessageStream(run, { after: from.metadata?.seq ?? 0 });
    const [one, two] = rest.tee();
    const whole = await messageOf(one, { from });
    expect(whole).toEqual(await messageOf(toUIMessageStream(run)));
    // Parts of earlier steps are not sent again.
    expect((await chunksOf(two)).some(({ type }) => type.startsWith("tool-"))).toBe(false);
  });

  it("continues after any chunk of the run, by the chunk's number", async () => {
    const run = await start(analyst);
    go();
    dataOf(await run.result());
    const counted = await chunksOf(run.stream());
    const at = counted[20];
    const rest = await chunksOf(toUIMessageStream(run, { after: at?.seq ?? 0 }));
    const text = (chunks: object[]) =>
      chunks.map((chunk) => (chunk as { delta?: string }).delta ?? "").join("");
    expect(rest[0]?.type).toBe("text-delta");
    expect(text(counted.slice(0, 21).map(({ chunk }) => chunk)) + text(rest)).toBe(
      `I look. ${words}`,
    );
  });

  it("shows a retried step once, with its last answer", async () => {
    const run = await start(stumbling);
    const message = await messageOf(toUIMessageStream(run));
    const kinds = message.parts.map((part) => (part.type === "text" ? part.text : part.type));
    expect(kinds).toEqual(["step-start", "It was lost."]);
    const streamed = await chunksOf(run.stream());
    // The first try of the step had streamed something else.
    expect(JSON.stringify(streamed)).toContain("never");
  });

  it("ends with an error that does not reveal the provider, unless you choose the text", async () => {
    const run = await start(refused);
    const chunks = await chunksOf(toUIMessageStream(run));
    expect(chunks.at(-1)).toEqual({ type: "error", errorText: "An error occurred." });
    const onError = (error: unknown) => (error as { code: string }).code;
    const told = await chunksOf(toUIMessageStream(run, { onError }));
    expect(told.at(-1)).toEqual({ type: "error", errorText: "run_failed" });
  });

  it("ends with an abort when the run is cancelled", async () => {
    const run = await start(analyst);
    const seen = chunksOf(toUIMessageStream(run));
    await messageOf(toUIMessageStream(run), {
      until: (message) => textOf(message).includes("word1"),
    });
    dataOf(await mayfly.runs.cancel(run.id));
    go();
    expect((await seen).slice(-2)).toMatchObject([{ type: "abort" }, { type: "finish" }]);
  });

  it("can be closed, and the run continues", async () => {
    const run = await start(analyst);
    const reader = toUIMessageStream(run).getReader();
    expect((await reader.read()).value).toMatchObject({ type: "start" });
    await reader.cancel();
    const ending = new AbortController();
    const other = messageOf(toUIMessageStream(run, { signal: ending.signal }));
    ending.abort();
    await other;
    go();
    expect(dataOf(await run.result())).toMatchObject({ output: words });
  });

  it("is a response that `useChat` reads, and that stays open while a run waits", async () => {
    const run = await start(brief);
    const response = toUIMessageStreamResponse(run, { headers: { "x-own": "1" } });
    expect(response.headers.get("x-vercel-ai-ui-message-stream")).toBe("v1");
    expect(response.headers.get("x-own")).toBe("1");
    const body = await response.text();
    expect(body.startsWith(": ")).toBe(true);
    expect(body).toContain(`data: {"type":"start","messageId":"${run.id}"`);
    expect(body.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  it("is refused to another tenant", async () => {
    const run = await start(brief);
    const { mayfly: other } = await local.enter();
    const onError = (error: unknown) => (error as { code: string }).code;
    const chunks = await chunksOf(toUIMessageStream(other.runs.open(run.id), { onError }));
    expect(chunks.at(-1)).toEqual({ type: "error", errorText: "run_unknown" });
    await other.close();
  });
});
