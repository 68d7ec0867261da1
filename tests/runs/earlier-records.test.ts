/**
 * Runs that were recorded with an older version of the package `ai` continue and replay with the installed one.
 * The records were made by records/record.ts, with the versions in their names.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineAgent, Mayfly, runAgents, tool } from "@mayfly/sdk";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { rpc } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";
import { claimOne, endLeases } from "../jobs/working.ts";
import { conversation, partsOf, steps } from "./records/conversation.ts";
import { makeRunning, runOf, start, work } from "./running.ts";

interface Recorded {
  ai: string;
  step: number;
  prompt: unknown[];
  parts: unknown[];
  messages: { role: string; content: { type: string }[] }[];
  chunks: { type: string; errorText?: string }[];
}

const folder = join(import.meta.dirname, "records");
const versions = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
const recordsOf = (name: string) =>
  readFileSync(join(folder, name), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());

/** Its model answers as the recorded one did, and keeps its prompts. */
function detective() {
  const prompts: unknown[][] = [];
  const ran: string[] = [];
  const input = z.object({ q: z.string("q must be a string") });
  const agent = defineAgent({
    name: "detective",
    instructions: conversation.instructions,
    model: new MockLanguageModelV4({
      provider: "test.scripted",
      modelId: "scripted",
      doStream: async ({ prompt }) => {
        prompts.push(prompt);
        const step = 1 + prompt.filter(({ role }) => role === "assistant").length;
        return {
          stream: simulateReadableStream({ chunks: partsOf(step), chunkDelayInMs: null }),
        };
      },
    }),
    tools: {
      search: tool({
        input,
        risk: "read",
        run: ({ q }) => {
          ran.push(q);
          return { found: q.toUpperCase() };
        },
      }),
      breaks: tool({
        input: z.object({}),
        risk: "read",
        run: (): string => {
          ran.push("breaks");
          throw new Error("It is stuck.");
        },
      }),
    },
  });
  return { agent, prompts, ran, handlers: runAgents(agent) };
}

/** A run whose first steps are recorded by a worker that has died, up to the tools of the last step. */
async function recordFirst(name: string, count: number, withMessages: boolean) {
  const running = await makeRunning(local.sql);
  const { claims } = running.worker;
  const detecting = detective();
  const id = await start(local.sql, claims, detecting.agent, conversation.question);
  const { lease } = await claimOne(local.sql, claims);
  const write = (called: string, values: object) =>
    rpc(local.sql, claims, called, { lease, ...values } as never);
  await write("begin_run", {});
  for (const { step, parts, messages } of recordsOf(name).slice(0, count)) {
    const call = {
      ...{ step, try: 1, agent: "detective", provider: "test.scripted", model: "scripted" },
      ...{ digest: "0".repeat(64), finish: "stop", usage: { input: 100, output: 10 }, ms: 1 },
      parts: JSON.stringify(parts),
      ...(withMessages && { messages: JSON.stringify(messages) }),
    };
    await write("record_model_call", { call });
    const outcomes = step < count ? conversation.outcomesOf(step) : [];
    if (outcomes.length === 0) continue;
    const calls = outcomes.map(({ callId, tool }) => ({
      call_id: callId,
      tool,
      risk: "read",
      input: JSON.stringify(inputOf(messages, callId)),
    }));
    await write("begin_tool_calls", { step, calls });
    const ends = outcomes.map(({ callId, output }) => ({
      call_id: callId,
      ...(output.type === "json"
        ? { status: "succeeded", result: JSON.stringify(output.value) }
        : { status: "failed", error: { code: "tool_failed", message: output.value } }),
    }));
    await write("end_tool_calls", { step, ends });
  }
  await endLeases(local);
  return { ...running, ...detecting, id };
}

const inputOf = (messages: Recorded["messages"], id: string) =>
  messages
    .flatMap(({ content }) => content as { toolCallId?: string; input?: unknown }[])
    .find(({ toolCallId }) => toolCallId === id)?.input;

describe.each(versions)("a run that was recorded with %s", (name) => {
  it.each([true, false])(
    "continues after each of its steps, and pays for none of them again (messages: %s)",
    async (withMessages) => {
      for (let count = 1; count <= steps; count++) {
        const run = await recordFirst(name, count, withMessages);
        expect(await work(local.sql, run.worker.claims, run.door, run.handlers)).toEqual([]);
        const where = `after ${count} steps`;
        expect(await runOf(local.sql, run.worker.claims, run.id), where).toMatchObject({
          status: "succeeded",
          steps,
          output: JSON.stringify(conversation.answer),
        });
        expect(run.prompts.length, where).toBe(steps - count);
        // The tools of the last recorded step had not run, and the earlier ones do not run again.
        expect(run.ran, where).toEqual(
          [["order 17", "breaks"], [], ["parcel"]].slice(count - 1).flat(),
        );
        // The provider gets the prompt that it would have got then, so its cache can be used.
        const next = recordsOf(name)[count]?.prompt;
        if (next && withMessages) expect(plain(run.prompts[0]), where).toEqual(next);
      }
    },
  );

  it("replays with its chunks and its messages, although the refusals of the AI SDK are worded differently now", async () => {
    const { id, tenant, prompts } = await recordFirst(name, steps, true);
    const mayfly = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
    const replayed = dataOf(await mayfly.runs.replay(id));
    expect(replayed).toMatchObject({ text: conversation.answer, steps });
    expect(prompts).toEqual([]);
    const records = recordsOf(name);
    const recorded = records.flatMap(({ step, chunks }) =>
      joined(chunks)
        // Until 7.0.0, the AI SDK also sent an empty error for a call that it had refused.
        .filter(({ type, errorText }) => type !== "tool-output-error" || errorText)
        .map((chunk) => ({ step, try: 1, chunk })),
    );
    expect(plain(replayed.chunks)).toEqual(recorded);
    const said = replayed.messages as Recorded["messages"];
    expect(said.filter(({ role }) => role === "assistant")).toEqual(
      records.flatMap(({ messages }) => messages.filter(({ role }) => role === "assistant")),
    );
    await mayfly.close();
  });
});

/** A record has the deltas of a block as one. */
function joined(chunks: Recorded["chunks"]): Recorded["chunks"] {
  const all: Record<string, unknown>[] = [];
  for (const chunk of chunks as unknown as Record<string, unknown>[]) {
    const last = all.at(-1);
    const of = ({ type, id, toolCallId }: Record<string, unknown>) => [type, id, toolCallId].join();
    const text = ["delta", "inputTextDelta"].find((key) => key in chunk);
    if (last && text && of(last) === of(chunk)) last[text] = `${last[text]}${chunk[text]}`;
    else all.push({ ...chunk });
  }
  return all as unknown as Recorded["chunks"];
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
