import { expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { local, mayflyOf, setUp, tasksOf, tenant } from "./left-behind.ts";

setUp();

it("pushNow returns why a memory was refused, and keeps the refusals of other memories", async () => {
  const agent = await spawnIn(mayflyOf());
  const tooMuch = { metadata: { text: "x".repeat(70_000) } };
  const earlier = dataOf(await agent.remember({ task: "earlier", ...tooMuch }));
  expect(dataOf(await agent.sync({ pull: false })).rejected).toBe(1);
  const good = dataOf(await agent.remember({ task: "good" }));
  const bad = dataOf(await agent.remember({ task: "bad", ...tooMuch }));
  expect(await agent.outbox.pushNow([good.id])).toEqual({ data: null, error: null });
  expect(await tasksOf()).toEqual(["good"]);
  const { error } = await agent.outbox.pushNow([good.id, bad.id.toUpperCase()]);
  expect(error).toMatchObject({ code: "invalid_operation" });
  const left = agent.outbox.refused.map(({ operation }) => operation.subject);
  expect(left).toEqual([earlier.id]);
  await local.sql`update mayfly.tenants set max_memories = 1 where id = ${tenant}`;
  const { id } = dataOf(await agent.remember({ task: "no room" }));
  expect((await agent.outbox.pushNow([id])).error).toMatchObject({ code: "quota_exceeded" });
  expect(agent.outbox.waiting).toBe(1);
  await agent.close();
});
