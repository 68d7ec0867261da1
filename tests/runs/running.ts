/** Runs for tests: a scripted model, and workers that can be killed anywhere. */

import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { type JobHandlers, runAgents } from "@mayfly/sdk";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { type Claims, inSeconds, makePerson, rpc, type Sql } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { sqlDoor, startJob } from "#harness/jobs-door";
import {
  claim,
  complete,
  endLeases,
  fail,
  makeWorker,
  makeWorkTenant,
  scopes,
} from "../jobs/working.ts";

/** An agent with any answer. */
type AnyAgent = Extract<Parameters<typeof runAgents>[number], { name: string }>;
export type Door = ReturnType<typeof sqlDoor>;

/** What a scripted model answers in one step: a text, calls of tools with or without a text, or an error. */
export type Scripted =
  | string
  | { text?: string; calls: { tool: string; input: unknown; id?: string }[] }
  | Error;

/** The tokens of every scripted answer. */
export const tokens = { input: 100, output: 10 };

const usage = {
  inputTokens: { total: tokens.input, noCache: tokens.input, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: tokens.output, text: tokens.output, reasoning: 0 },
};

/** The parts of an answer, as a provider streams them. */
export function partsOf(
  step: number,
  scripted: Exclude<Scripted, Error>,
): LanguageModelV4StreamPart[] {
  const { text, calls } =
    typeof scripted === "string" ? { text: scripted, calls: [] } : { text: "", ...scripted };
  return [
    { type: "stream-start", warnings: [{ type: "other", message: "It is scripted." }] },
    ...(text
      ? ([
          { type: "text-start", id: "1" },
          ...text.split(/(?<= )/).map((delta) => ({ type: "text-delta", id: "1", delta })),
          { type: "text-end", id: "1" },
        ] as LanguageModelV4StreamPart[])
      : []),
    ...calls.map(
      ({ tool, input, id }, nth): LanguageModelV4StreamPart => ({
        type: "tool-call",
        toolCallId: id ?? `call-${step}-${nth + 1}`,
        toolName: tool,
        input: JSON.stringify(input),
      }),
    ),
    {
      type: "finish",
      finishReason: { unified: calls.length > 0 ? "tool-calls" : "stop", raw: undefined },
      usage,
    },
  ];
}

/**
 * A model that answers by a script. It counts the answers in its prompt to know the step, so the step is the
 * same for every worker that continues the run.
 */
export function scriptedModel(
  script: (step: number, prompt: unknown[]) => Scripted | Promise<Scripted>,
  id = "scripted",
) {
  return new MockLanguageModelV4({
    provider: "test.scripted",
    modelId: id,
    doStream: async ({ prompt }) => {
      const step = 1 + prompt.filter(({ role }) => role === "assistant").length;
      const scripted = await script(step, prompt);
      if (scripted instanceof Error) throw scripted;
      return {
        stream: simulateReadableStream({ chunks: partsOf(step, scripted), chunkDelayInMs: null }),
      };
    },
  });
}

/** An error of a provider's API. */
export const apiError = (statusCode: number, headers: Record<string, string> = {}) =>
  Object.assign(new Error(`It answered ${statusCode}.`), {
    statusCode,
    responseHeaders: headers,
    isRetryable: statusCode >= 500 || statusCode === 429,
  });

export async function makeRunning(sql: Sql) {
  const tenant = await makeWorkTenant(sql);
  const worker = await makeWorker(sql, tenant, {
    scopes: [...scopes, "run:read", "run:write", "cost:read", "cost:write", "approval:request"],
  });
  // Longer than the usual two minutes, because these tests are not about tokens.
  worker.claims.exp = inSeconds(7_200);
  const [owner, admin] = (await Promise.all(
    ["owner", "admin"].map((role) => makePerson(sql, { [tenant]: role })),
  )) as [Claims, Claims];
  return { tenant, worker, owner, admin, door: sqlDoor(sql, worker.claims) };
}

export interface RunRow {
  id: string;
  status: string;
  steps: number;
  output: string | null;
  usd: number;
  error?: { code: string; message: string };
  calls: {
    step: number;
    try: number;
    model: string;
    error?: { code: string };
    messages?: string;
  }[];
  tools: {
    step: number;
    call_id: string;
    tool: string;
    status: string;
    result?: string;
    error?: { code: string; message: string };
    attempts: number;
  }[];
  [more: string]: unknown;
}
export async function start(
  sql: Sql,
  claims: Claims,
  agent: AnyAgent,
  input: unknown,
  key?: string,
) {
  const { maxSteps = 20, budget = {} } = agent.options;
  const { id } = await rpc<{ id: string }>(sql, claims, "start_run", {
    agent: agent.name,
    input: JSON.stringify(input),
    limits: { steps: maxSteps, ...budget } as never,
    ...(key && { key }),
  });
  return id;
}

export const runOf = (sql: Sql, claims: Claims, id: string) =>
  rpc<RunRow>(sql, claims, "get_run", { id });

export const outputOf = async (sql: Sql, claims: Claims, id: string) =>
  JSON.parse((await runOf(sql, claims, id)).output ?? "null") as unknown;

/** Works as a worker does, until no job is ready. Returns the errors of failed attempts. */
export async function work(
  sql: Sql,
  claims: Claims,
  door: Door,
  handlers: JobHandlers,
): Promise<string[]> {
  const errors: string[] = [];
  for (;;) {
    const { jobs } = await claim(sql, claims, 1, { names: Object.keys(handlers) as never });
    const [job] = jobs;
    if (!job) return errors;
    const ending = await new Promise<Parameters<Parameters<typeof startJob>[4]>[0]>((resolve) =>
      startJob(door, job as never, handlers, undefined, resolve),
    );
    if (ending?.failure) {
      errors.push(ending.failure.said.error.message);
      if (ending.failure.said.error.code === "unavailable") throw ending.failure.cause;
      await fail(sql, claims, [{ lease: job.lease, ...ending.failure.said, retry_in: 0 }]);
    } else if (ending) await complete(sql, claims, [{ lease: job.lease, result: null }]);
  }
}
export async function runToEnd(
  sql: Sql,
  { worker, door }: Awaited<ReturnType<typeof makeRunning>>,
  agent: AnyAgent,
  input: unknown,
) {
  const id = await start(sql, worker.claims, agent, input);
  await work(sql, worker.claims, door, runAgents(agent));
  return runOf(sql, worker.claims, id);
}

class Killed extends Error {}

/**
 * A worker that is killed at its nth call of a function: before the call, or after it and before its answer
 * arrives. After that, nothing that it does has any effect.
 *
 * @returns whether it made that call, and was killed. If so, its lease has ended.
 */
export async function workUntilKilled(
  db: TestDatabase,
  claims: Claims,
  handlers: JobHandlers,
  name: string,
  when: "before" | "after",
  nth = 1,
): Promise<boolean> {
  const { sql } = db;
  const inner = sqlDoor(sql, claims);
  let calls = 0;
  let isDead = false;
  let kill: () => void = () => {};
  const dead = new Promise<never>((_, reject) => {
    kill = () => reject(new Killed());
  });
  dead.catch(() => {});
  const never = new Promise<never>(() => {});
  const door: Door = {
    ...inner,
    async call(called, values, form) {
      if (isDead) return never;
      const isLast = called === name && ++calls === nth;
      isDead = isLast;
      if (isLast && when === "before") {
        kill();
        return never;
      }
      const answer = await inner.call(called, values, form);
      if (isLast) {
        kill();
        return never;
      }
      return answer;
    },
  };
  const { jobs } = await claim(sql, claims, 1, { names: Object.keys(handlers) as never });
  const [job] = jobs;
  if (!job) throw new Error("There was no run to take.");
  const over = new Promise<void>((resolve) => {
    startJob(door, job as never, handlers, undefined, () => resolve());
  });
  await Promise.race([over, dead]).catch((error) => {
    if (!(error instanceof Killed)) throw error;
  });
  if (isDead) await endLeases(db);
  return isDead;
}
