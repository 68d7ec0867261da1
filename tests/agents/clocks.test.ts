/** Agents on machines with a clock that is changed or wrong. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import type { Said, Told } from "./clocked.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
let peer: Agent;
const children: ChildProcess[] = [];
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  ({ tenant, mayfly } = await local.enter());
  peer = await spawnIn(mayfly);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await peer.stop();
  await mayfly.close();
});

type Answer = Extract<Said, { answer: unknown }>["answer"];

/** @param startMs by how much the clock of the agent's machine is wrong from the start. */
async function startClocked(startMs = 0) {
  const program = join(import.meta.dirname, "clocked.ts");
  const child = fork(program, [local.apiUrl, local.secretKey, tenant, String(startMs)]);
  children.push(child);
  const heard = new Set<string>();
  const answers: Answer[] = [];
  let wake = () => {};
  const until = async <T>(found: () => T | undefined): Promise<T> => {
    for (;;) {
      const value = found();
      if (value !== undefined) return value;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  child.on("message", (said: Said) => {
    if ("heard" in said) heard.add(`${said.of}: ${said.heard}`);
    else answers.push(said.answer);
    wake();
  });
  const { id = "" } = await until(() => answers.shift());
  const tell = async (what: string) => {
    dataOf(await peer.send(id, "info", { text: what }));
    dataOf(await peer.state.shared.set("plan", what));
    dataOf(await peer.remember({ task: what }));
    dataOf(await peer.sync());
  };
  return {
    ask: (told: Told) => {
      child.send(told);
      return until(() => answers.shift());
    },
    /** Sends something to the agent in every way, and waits until it has received all of it. */
    async hears(what: string) {
      await tell(what);
      for (const of of ["log", "inbox", "state"])
        await until(() => (heard.has(`${of}: ${what}`) ? true : undefined));
    },
  };
}

describe("an agent with a clock that is changed", () => {
  it.each([
    ["set back by an hour", -hour, 0],
    ["set ahead by 25 days", 25 * day, 25 * day],
    ["set ahead by 25 days, and then back", 25 * day, 0],
  ])("still receives messages, and keeps its timers right: %s", async (_how, one, other) => {
    const agent = await startClocked();
    await agent.hears("before");
    await agent.ask({ do: "set", ms: one });
    await agent.hears("then");
    for (const task of ["1", "2", "3", "4", "5"]) await agent.ask({ do: "track", task });
    await agent.ask({ do: "set", ms: other });
    await agent.hears("after");
    await agent.ask({ do: "track", task: "6" });
    const { timers = [] } = await agent.ask({ do: "look" });
    expect(timers.length).toBeGreaterThan(0);
    expect(timers.filter((ms) => !(ms >= 0 && ms <= 2 * minute))).toEqual([]);
  });

  it("keeps the order of its memories", async () => {
    const agent = await startClocked();
    await agent.ask({ do: "remember", task: "first" });
    await agent.ask({ do: "set", ms: -hour });
    await agent.ask({ do: "remember", task: "second" });
    await agent.ask({ do: "set", ms: hour });
    await agent.ask({ do: "remember", task: "third" });
    const rows = await local.sql`
      select task, abs(extract(epoch from clock_timestamp() - created_at)) < 600 as near
      from mayfly.memories where tenant_id = ${tenant} order by created_at`;
    expect(rows.map(({ task }) => task)).toEqual(["first", "second", "third"]);
    expect(rows.every(({ near }) => near)).toBe(true);
  });
});

describe("an agent on a machine with a wrong clock", () => {
  it.each([
    ["an hour behind", -hour],
    ["an hour ahead", hour],
    ["25 days ahead", 25 * day],
  ])(
    "forgets what has expired by the server's time, and knows its remaining life: %s",
    async (_how, ms) => {
      const agent = await startClocked(ms);
      await agent.ask({ do: "remember", task: "fresh fruit", expiresInMs: 10 * minute });
      await agent.ask({ do: "remember", task: "old fruit", expiresInMs: -10 * minute });
      const { found, secondsLeft } = await agent.ask({ do: "recall", query: "fruit" });
      expect(found).toEqual(["fresh fruit"]);
      expect(secondsLeft).toBeGreaterThan(0);
      expect(secondsLeft).toBeLessThanOrEqual(310);
    },
  );
});
