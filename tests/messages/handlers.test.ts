/** Errors that the caller's own functions throw are reported, and stop nothing. */

import type { Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
let peer: Agent;
const unhandled: unknown[] = [];
const count = (reason: unknown) => void unhandled.push(reason);
beforeAll(async () => {
  process.on("unhandledRejection", count);
  local = await startTestLocal();
});
afterAll(async () => {
  await local.close();
  process.off("unhandledRejection", count);
});
beforeEach(async () => {
  ({ mayfly } = await local.enter());
  dataOf(await mayfly.channels.create({ name: "findings", kind: "two_way" }));
  const every = await local.sql`select name from mayfly.scopes where agents`;
  const scopes = every.map(({ name }) => String(name));
  [agent, peer] = [await spawnIn(mayfly, { scopes }), await spawnIn(mayfly, { scopes })];
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all([agent?.stop(), peer?.stop()]);
  await mayfly.close();
  expect(unhandled.splice(0)).toEqual([]);
});

interface Options {
  onError?: (error: unknown) => void;
}
/** Registers a handler, and makes something happen that calls it. */
type Kind = (handler: () => void, options: Options) => Promise<unknown>;
const kinds: Record<string, Kind> = {
  messages: async (handler, options) => {
    agent.on("info", handler, options);
    dataOf(await peer.send(agent.id, "info", { text: "hello" }));
  },
  "the messages of a channel": async (handler, options) => {
    agent.channels.open("findings").on(handler, { since: "start", ...options });
    dataOf(await mayfly.channels.publish("findings", "info", { text: "hello" }));
  },
  broadcasts: async (handler, options) => {
    for (const one of [agent, peer]) dataOf(await one.channels.subscribe("findings"));
    dataOf(await agent.channels.open("findings").onBroadcast("tick", handler, options));
    dataOf(await peer.channels.open("findings").broadcast("tick", {}));
  },
  "the log": async (handler, options) => {
    dataOf(await agent.log.watch({ types: ["memory.*"], ...options }, handler));
    dataOf(await peer.remember({ task: "learned" }));
    dataOf(await peer.sync());
  },
  states: async (handler, options) => {
    dataOf(await agent.state.shared.watch("plan", handler, options));
    dataOf(await peer.state.shared.set("plan", 1));
  },
  presence: async (handler, options) => {
    dataOf(await agent.presence.watch(handler, options));
  },
  "debug records": async (handler, options) => {
    dataOf(await agent.debug.watch({ agent: peer.id, categories: ["task"], ...options }, handler));
    peer.debug.task("reads");
  },
};

describe.each(Object.keys(kinds))("a handler of %s", (name) => {
  const kind = kinds[name] as Kind;

  it.each([
    ["throws", () => expect.fail("broken")],
    ["rejects", () => Promise.reject(new Error("broken")) as never],
  ])("that %s, without an onError, is reported on the console once", async (_how, handler) => {
    const told = Promise.withResolvers<unknown[]>();
    const log = vi.spyOn(console, "error").mockImplementation((...line) => told.resolve(line));
    let calls = 0;
    await kind(() => (calls++ === 0 || log.mock.calls.length === 0 ? handler() : undefined), {});
    const [said, error] = await told.promise;
    expect(said).toMatch(/^Mayfly: A handler of .+ failed, and there is no onError\.$/);
    expect((error as Error).message).toBe("broken");
    expect(log).toHaveBeenCalledTimes(1);
  });

  it("with an onError that also throws is reported on the console", async () => {
    const told = Promise.withResolvers<unknown[]>();
    vi.spyOn(console, "error").mockImplementation((...line) => told.resolve(line));
    const failures: unknown[] = [];
    const handler = () => {
      if (failures.length === 0) throw new Error("broken");
    };
    const onError = (error: unknown) => {
      failures.push(error);
      throw new Error("onError is broken");
    };
    await kind(handler, { onError });
    const [said, error] = await told.promise;
    expect(said).toMatch(/^Mayfly: .+ failed, and then its onError threw an error\.$/);
    expect((error as Error).message).toBe("onError is broken");
    expect(failures[0]).toMatchObject({ message: "broken" });
  });
});

it("the final end of an inbox without an onError is reported on the console", async () => {
  const told = Promise.withResolvers<unknown[]>();
  vi.spyOn(console, "error").mockImplementation((...line) => told.resolve(line));
  const deaf = await spawnIn(mayfly, { scopes: ["memory:read"] });
  deaf.on("info", () => {});
  expect(await told.promise).toMatchObject([
    expect.stringContaining("Listening for messages of the type info failed"),
    { code: "scope_missing" },
  ]);
  await deaf.stop();
});
