/** The detectors of a team, and how a watch reacts to what they find. */
import type { Agent, Mayfly, TeamAlert } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runAll } from "../../examples/teams/index.ts";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  ({ tenant, mayfly } = await local.enter({ max_lifetime: "30 days" }));
  return () => mayfly.close();
});

const spawn = (options: Parameters<Mayfly["teams"]["spawn"]>[1] = {}) =>
  mayfly.teams
    .spawn("release", { members: { worker: { count: 3, lifetime } }, ...options })
    .then(dataOf);
/** The watch looks again only when a test tells it to. */
const quiet = { every: "1h" } as const;
/** An agent with this lifetime lives until the test ends, however far the clock is moved. */
const lifetime = 30 * 86_400;

describe("a watched team", () => {
  it.each([
    ["thinking", 300],
    ["executing", 600],
    ["blocked", 1800],
  ] as const)("is warned of an agent that is %s for %i s", async (activity, seconds) => {
    const { team, agents } = await spawn();
    const [one] = agents as [Agent];
    dataOf(await one.heartbeat({ activity }));
    const watch = mayfly.teams.of(team.id).watch(quiet);
    expect(await watch.check()).toEqual([]);
    await local.advance(`${seconds - 60} seconds`);
    expect(await watch.check()).toEqual([]);
    await local.advance("61 seconds");
    expect(await watch.check()).toMatchObject([
      { kind: "silence", agents: [one.id], detail: { activity }, times: 1, status: "open" },
    ]);
    // The alert was reported once, and ends when the agent moves on.
    expect(await watch.check()).toEqual([]);
    dataOf(await one.heartbeat({ activity, task: "another page" }));
    await watch.check();
    expect(dataOf(await mayfly.teams.of(team.id).alerts())).toEqual([]);
    expect(dataOf(await mayfly.teams.of(team.id).alerts({ every: true }))).toHaveLength(1);
  });

  it("is warned once of a cycle of requests, and the warning says which agent waits for which", async () => {
    const { team, agents } = await spawn();
    const [a, b, c] = agents as [Agent, Agent, Agent];
    const ask = (from: Agent, to: Agent) =>
      from.send(to.id, "query", { question: "Which?" }, { replyRequired: true }).then(dataOf);
    await ask(a, b);
    await ask(b, c);
    const watch = mayfly.teams.of(team.id).watch(quiet);
    expect(await watch.check()).toEqual([]);
    await ask(c, a);
    const [found] = await watch.check();
    expect(found?.kind).toBe("deadlock");
    expect([...(found?.agents ?? [])].sort()).toEqual([a.id, b.id, c.id].sort());
    const events = await local.sql`
      select from mayfly.events where tenant_id = ${tenant} and type = 'team.alert' and subject = ${found?.id ?? ""}`;
    expect(events.length).toBe(1);
  });

  it("is warned of a message that is repeated again and again", async () => {
    const { team, agents } = await spawn();
    const [a, b] = agents as [Agent, Agent];
    for (let n = 0; n < 4; n++) dataOf(await a.send(b.id, "info", { text: "Still there?" }));
    const watch = mayfly.teams.of(team.id).watch(quiet);
    expect(await watch.check()).toEqual([]);
    dataOf(await a.send(b.id, "info", { text: "Still there?" }));
    expect(await watch.check()).toMatchObject([
      { kind: "repetition", agents: [a.id], detail: { message: "info", times: 5 } },
    ]);
  });

  it("is warned of rising costs, at half of its budget if there is no limit", async () => {
    const { team, agents } = await spawn({ budget: { hardUsd: 10 } });
    const [a, b] = agents as [Agent, Agent];
    const spend = (agent: Agent, usd: number) => local.sql`
      insert into mayfly.model_usage (tenant_id, id, at, agent, agent_id, provider, model, input_tokens, cache_read_tokens,
        cache_write_tokens, output_tokens, reasoning_tokens, usage, usd, priced, bytes)
      values (${tenant}, gen_random_uuid(), mayfly_private.now(), 'worker', ${agent.id}, 'scripted', 'scripted', 1, 0, 0, 1, 0, '{}', ${usd}, 'exact', 1)`;
    await spend(a, 4);
    await spend(b, 4);
    const watch = mayfly.teams.of(team.id).watch(quiet);
    expect(await watch.check()).toEqual([]);
    await spend(b, 2);
    expect(await watch.check()).toMatchObject([
      { kind: "runaway_cost", agents: [b.id], detail: { usd: 6, limit: 5 } },
    ]);
  });

  it("is nudged, and then restarted if that did not help", async () => {
    const { team, members } = await spawn({
      members: { worker: { capabilities: ["german"], lifetime } },
    });
    const [one] = members.worker as [Agent];
    dataOf(await one.heartbeat({ activity: "thinking" }));
    const inbox: unknown[] = [];
    one.messages.on("alert", ({ payload }) => void inbox.push(payload));
    const replaced: Agent[] = [];
    const watch = mayfly.teams.of(team.id).watch({
      ...quiet,
      rules: { silence: ["nudge", "restart"] },
      onReplaced: (agent) => void replaced.push(agent),
    });
    await watch.check();
    await local.advance("400 seconds");
    expect(await watch.check()).toMatchObject([{ times: 1 }]);
    await vi.waitUntil(() => inbox.length === 1, 10_000);
    const space = mayfly.teams.of(team.id);
    expect(dataOf(await space.alerts())).toMatchObject([{ handledWith: "nudge" }]);
    // During its patience, the watch does nothing more.
    expect(await watch.check()).toEqual([]);
    await local.advance("2 minutes");
    expect(await watch.check()).toMatchObject([{ times: 2 }]);
    const { members: now } = dataOf(await mayfly.teams.get(team.id)) ?? {};
    expect(now?.map(({ role, status }) => [role, status]).sort()).toEqual([
      ["worker", "running"],
      ["worker", "stopped"],
    ]);
    expect(replaced).toMatchObject([{ type: "worker" }]);
    const card = dataOf(await mayfly.agents.get(replaced[0]?.id ?? ""));
    expect(card.capabilities).toEqual(["german"]);
  });

  it.each([
    ["reassign", "stopped", undefined],
    [{ fallBack: "senior" }, "stopped", "senior"],
    ["ask", "running", undefined],
  ] as const)("does what its rule %j says", async (rule, status, type) => {
    const { team, agents } = await spawn();
    const [one] = agents as [Agent];
    const { data: given } = await mayfly.teams.assign({ name: "work" }, { team: team.id });
    dataOf(await one.heartbeat({ activity: "executing" }));
    const told: TeamAlert[] = [];
    const watch = mayfly.teams.of(team.id).watch({
      ...quiet,
      rules: { silence: rule },
      onAlert: (alert) => told.push(alert),
    });
    await watch.check();
    await local.advance("700 seconds");
    await watch.check();
    expect(told).toHaveLength(1);
    const { members } = dataOf(await mayfly.teams.get(team.id)) ?? {};
    expect(members?.find(({ id }) => id === one.id)?.status).toBe(status);
    expect(members?.some((member) => member.type === type)).toBe(type !== undefined);
    if (rule === "ask")
      expect(dataOf(await mayfly.approvals.list())).toMatchObject([{ category: "team" }]);
    else expect(dataOf(await mayfly.jobs.get(given?.job ?? "")).status).toBe("ready");
  });

  it("ends, together with its watch, if its rule is to stop", async () => {
    const { team, agents } = await spawn();
    dataOf(await (agents[0] as Agent).heartbeat({ activity: "blocked" }));
    const watch = mayfly.teams.of(team.id).watch({ ...quiet, rules: { silence: "stop" } });
    await watch.check();
    await local.advance("2000 seconds");
    await watch.check();
    expect(dataOf(await mayfly.teams.get(team.id))?.status).toBe("ended");
    await watch.check();
    await watch.ended;
  });
});

it("a team has its own blackboard and files, and its budget includes what its members spawn", async () => {
  const { team, agents } = await spawn({ budget: { hardUsd: 1, hardTokens: 1_000 } });
  const { agents: others, team: other } = dataOf(
    await mayfly.teams.spawn("another", { members: { worker: 1 } }),
  );
  const [one, two] = agents as [Agent, Agent];
  const board = one.teams.of(team.id).blackboard;
  dataOf(await board.set("plan", { step: 1 }));
  expect(dataOf(await two.teams.of(team.id).blackboard.get("plan"))?.value).toEqual({ step: 1 });
  expect(dataOf(await (others[0] as Agent).teams.of(other.id).blackboard.get("plan"))).toBeNull();
  expect(dataOf(await board.list())).toMatchObject([{ key: "plan" }]);
  dataOf(await board.remember({ task: "The port", output: "It is 5432." }));
  await one.sync();
  const found = dataOf(await mayfly.teams.of(team.id).blackboard.recall("port"));
  expect(found.results).toHaveLength(1);
  expect(dataOf(await mayfly.teams.of(other.id).blackboard.recall("port")).results).toEqual([]);

  // A grandchild of a member asks for more than the team has left.
  const scopes = ["agent:spawn", "cost:write"];
  const parent = dataOf(await mayfly.spawn({ scopes, lifetime: 300 }));
  dataOf(await mayfly.teams.join(team.id, parent.id));
  const child = dataOf(await parent.spawn({ scopes }));
  const grandchild = dataOf(await child.spawn({ scopes: ["cost:write"] }));
  const reserve = async (agent: Agent, input: number) => {
    const ask = {
      id: crypto.randomUUID(),
      agent: "x",
      provider: "p",
      model: "m",
      input,
      output: 300,
    };
    const { data } = await agent.client.rpc("reserve_costs", { asks: [ask] as never });
    return (data as { granted?: boolean; code?: string; level?: string }[])[0];
  };
  await local.sql`update mayfly.budgets set hard_usd = null where tenant_id = ${tenant} and level = 'team'`;
  expect(await reserve(grandchild, 500)).toMatchObject({ granted: true });
  expect(await reserve(child, 500)).toMatchObject({ code: "budget_exceeded", level: "team" });
  expect(await reserve(others[0] as Agent, 500)).toMatchObject({ granted: true });
  const budget = dataOf(await mayfly.teams.of(team.id).budget());
  expect(budget).toMatchObject({ level: "team", heldTokens: 800 });
});

it("each pattern of the examples finds mistakes with a stand-in model", async () => {
  const { model, outcomes } = await runAll(mayfly);
  expect(model).toContain("stand-in");
  expect(outcomes.map(({ pattern }) => pattern)).toEqual([
    ...["supervisor", "hierarchy", "orchestrator", "peers", "blackboard", "market"],
  ]);
  for (const { pattern, quality, tokens } of outcomes) {
    expect(quality, pattern).toBeGreaterThan(0.4);
    expect(tokens, pattern).toBeGreaterThan(100);
  }
  console.table(outcomes);
});
