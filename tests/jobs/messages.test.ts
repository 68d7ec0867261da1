/** A message that becomes a job and is answered when it ends, through the SDK. */
import type { Agent, Mayfly, Message } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let boss: Agent;
let worker: Agent;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  ({ mayfly } = await local.enter());
  boss = await spawnIn(mayfly, { lifetime: 300 });
  worker = await spawnIn(mayfly, { lifetime: 300, capabilities: ["sum"] });
  return async () => {
    await mayfly.close({ stopAgents: true });
  };
});
const fast = { pollMs: 200, drainOnTermination: false };
const assign = (n: number) =>
  boss.request(
    worker.id,
    "task_assignment",
    { task: "double", context: { n } },
    { timeoutMs: 60_000 },
  );

it("an assignment becomes a job, and the job's end answers it", async () => {
  worker.on("task_assignment", worker.jobs.fromMessages("double", { priority: 7 }));
  const work = dataOf(
    await worker.work(
      { double: ({ context }: { context: { n: number } }) => ({ twice: context.n * 2 }) },
      fast,
    ),
  );
  const answer = dataOf(await assign(21));
  const [job] = dataOf(await mayfly.jobs.list({ name: "double" }));
  // A broadcast may arrive before its commit is visible.
  expect(dataOf(await mayfly.jobs.ended(job?.id ?? ""))).toMatchObject({
    status: "succeeded",
    priority: 7,
  });
  expect(answer).toMatchObject({
    type: "task_result",
    senderId: worker.id,
    payload: { job: job?.id, status: "succeeded", result: { twice: 42 } },
  });
  await work.stop();
});

it("a redelivered message makes one job and one answer, even with another worker", async () => {
  const came = Promise.withResolvers<Message>();
  worker.on("task_assignment", (message) => came.resolve(message));
  const answered = assign(4);
  const message = await came.promise;
  const handle = worker.jobs.fromMessages(({ payload }) => ({ name: "square", input: payload }));
  // The handler is called twice, as after the death of a process that added the job and did not acknowledge the
  // message. The first call is tried again, because the broadcast may arrive before its commit is visible.
  await vi.waitFor(() => handle(message), 10_000);
  await handle(message);
  const second = await spawnIn(mayfly, { lifetime: 300 });
  const begun = Promise.withResolvers<void>();
  const dying = dataOf(
    await worker.work(
      {
        square: () => {
          begun.resolve();
          return new Promise(() => {});
        },
      },
      fast,
    ),
  );
  await begun.promise;
  // The first worker is stopped in the middle of the job. The other one does the job and gives the answer.
  await worker.stop();
  await dying.ended;
  const work = dataOf(
    await second.work(
      { square: ({ context }: { context: { n: number } }) => context.n ** 2 },
      fast,
    ),
  );
  expect(dataOf(await answered)).toMatchObject({ senderId: second.id, payload: { result: 16 } });
  const jobs = dataOf(await mayfly.jobs.list({ name: "square" }));
  expect(jobs).toHaveLength(1);
  dataOf(await mayfly.jobs.ended(jobs[0]?.id ?? ""));
  const [stored] = await local.sql`
    select count(*)::int as n from mayfly.messages where reply_to = ${message.id}`;
  expect(stored?.n).toBe(1);
  await work.stop();
});

it("other messages are left alone, and a message that cannot become a job stays in the inbox", async () => {
  const handle = worker.jobs.fromMessages(({ payload }) =>
    payload.task === "double" ? { name: "not a name" } : undefined,
  );
  const message = { id: crypto.randomUUID(), payload: { task: "other" } } as unknown as Message;
  await expect(handle(message)).resolves.toBeUndefined();
  message.payload.task = "double";
  await expect(handle(message)).rejects.toMatchObject({
    code: "invalid_request",
    details: { field: "name" },
  });
  expect(dataOf(await mayfly.jobs.list())).toEqual([]);
});
