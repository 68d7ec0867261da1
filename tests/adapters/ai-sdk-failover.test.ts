import { failover } from "@mayfly/ai-sdk";
import { generateText, streamText } from "ai";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { describe, expect, it } from "vitest";
import { apiError, type partsOf } from "../runs/running.ts";
import { scripted } from "./ai-sdk-model.ts";

describe("failover", () => {
  const failing = (error: Error, modelId = "failing") => scripted(() => error, { modelId }).model;
  const answering = (modelId = "answering") => scripted(() => "Here.", { modelId }).model;

  it.each([
    ["is down", 503],
    ["limits the rate", 429],
    ["refuses the key", 401],
    ["does not know the model", 404],
  ])("asks the next model when one %s", async (_, status) => {
    const heard: unknown[] = [];
    const model = failover([failing(apiError(status)), answering()], {
      onFailure: ({ modelId, code }) => heard.push([modelId, code]),
    });
    expect((await generateText({ model, prompt: "Hello" })).text).toBe("Here.");
    expect(await streamText({ model, prompt: "Hello" }).text).toBe("Here.");
    const code = { 429: "model_rate_limited", 503: "model_failed" }[status] ?? "model_refused";
    expect(heard).toEqual([
      ["failing", code],
      ["failing", code],
    ]);
  });

  it("returns the error of an invalid request without asking another model", async () => {
    const other = answering();
    const error = apiError(400);
    const model = failover([failing(error), other]);
    await expect(generateText({ model, prompt: "Hello" })).rejects.toBe(error);
    expect(other.doGenerateCalls).toEqual([]);
  });

  it("retries when the provider says so", async () => {
    let asked = 0;
    const limited = scripted(() =>
      ++asked === 1 ? apiError(429, { "retry-after-ms": "300" }) : "Now.",
    );
    const began = performance.now();
    const { text } = await generateText({ model: failover([limited.model]), prompt: "Hello" });
    expect(text).toBe("Now.");
    expect(performance.now() - began).toBeGreaterThanOrEqual(295);
  });

  it("does not wait longer than maxWait, and says when to try again", async () => {
    const model = failover(
      [failing(apiError(429, { "retry-after": "120" }), "one"), failing(apiError(401), "two")],
      { maxWait: 1 },
    );
    await expect(generateText({ model, prompt: "Hello" })).rejects.toMatchObject({
      code: "model_unavailable",
      details: {
        retry_after: 120,
        calls: [
          { model: "one", code: "model_rate_limited" },
          { model: "two", code: "model_refused" },
        ],
      },
      cause: { statusCode: 401 },
    });
  });

  it("asks the next model if a stream fails before its answer, but not in the middle of it", async () => {
    const cut = (...before: ReturnType<typeof partsOf>) =>
      new MockLanguageModelV4({
        modelId: "cut",
        doStream: async () => ({
          stream: simulateReadableStream({
            chunks: [...before, { type: "error", error: apiError(500) }],
            chunkDelayInMs: null,
          }),
        }),
      });
    const opening = { type: "stream-start" as const, warnings: [] };
    const early = failover([cut(opening), answering()]);
    expect(await streamText({ model: early, prompt: "Hello" }).text).toBe("Here.");
    const other = answering();
    const begun = { type: "text-start", id: "1" } as const;
    const said = { type: "text-delta", id: "1", delta: "Half an" } as const;
    const late = failover([cut(opening, begun, said), other]);
    const errors: unknown[] = [];
    const { textStream } = streamText({
      model: late,
      prompt: "Hello",
      onError: ({ error }) => errors.push(error),
    });
    let text = "";
    for await (const part of textStream) text += part;
    expect(text).toBe("Half an");
    expect(errors).toMatchObject([{ statusCode: 500 }]);
    expect(other.doStreamCalls).toEqual([]);
  });

  it("ends at once when the call is aborted during a wait", async () => {
    const ending = new AbortController();
    const model = failover([failing(apiError(503, { "retry-after": "9" }))], {
      onFailure: () => queueMicrotask(() => ending.abort(new Error("I have gone."))),
    });
    const began = performance.now();
    const asked = generateText({ model, prompt: "Hello", abortSignal: ending.signal });
    await expect(asked).rejects.toThrow("I have gone.");
    // Shorter than the provider's Retry-After.
    expect(performance.now() - began).toBeLessThan(9_000);
  });

  it("passes on the address of a file only if every model can fetch it", async () => {
    const images = { "image/*": [/^https:\/\/a\//, /^https:\/\/b\//], "*/*": [/^x:/] };
    const one = scripted(() => "", { supportedUrls: images }).model;
    const two = scripted(() => "", { supportedUrls: { "image/*": [/^https:\/\/b\//] } }).model;
    expect(await failover([one, two]).supportedUrls).toEqual({
      "image/*": [/^https:\/\/b\//],
      "*/*": [],
    });
  });

  it("refuses an empty chain", () => {
    expect(() => failover([])).toThrow(expect.objectContaining({ code: "invalid_request" }));
  });
});
