import { type Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

let local: TestLocal;
let proxy: TestProxy;
let mayfly: Mayfly;
let peer: Agent;
let reader: Agent;
/** The answers on the reader's connection, by path. */
let answered: { path: string; bytes: number }[];

beforeAll(async () => {
  local = await startTestLocal();
  proxy = await startProxy(local.apiUrl);
  const { fetch } = globalThis;
  vi.stubGlobal("fetch", async (input: string | URL | Request, init?: RequestInit) => {
    const response = await fetch(input, init);
    const url = new URL(String(input instanceof Request ? input.url : input));
    if (url.origin === proxy.url) {
      const { size } = await response.clone().blob();
      answered.push({ path: url.pathname, bytes: size });
    }
    return response;
  });
});
afterAll(async () => {
  vi.unstubAllGlobals();
  await proxy?.close();
  await local?.close();
});
beforeEach(async () => {
  answered = [];
  const { tenant, mayfly: writes } = await local.enter();
  mayfly = writes;
  peer = await spawnIn(mayfly);
  const watching = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
  reader = await spawnIn(watching, { scopes: ["state:read"] });
});
afterEach(async () => {
  await reader.close();
  await mayfly.close();
});

const pulls = () => answered.filter(({ path }) => path.endsWith("/rpc/read_log"));

describe("three watches of states next to a busy peer", () => {
  it("share their pulls, and receive no memories", async () => {
    const heard: Record<string, unknown[]> = { a: [], b: [], c: [] };
    let wake = () => {};
    for (const key of ["a", "b", "c"])
      dataOf(
        await reader.state.shared.watch(key, ({ value }) => {
          heard[key]?.push(value);
          wake();
        }),
      );
    const until = async (what: () => boolean) => {
      while (!what())
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    };
    dataOf(await peer.state.shared.set("a", 0));
    await until(() => heard.a?.length === 1);
    answered.splice(0);

    for (let n = 0; n < 40; n++) await peer.remember({ task: `${n}`, output: "x".repeat(50_000) });
    dataOf(await peer.sync({ pull: false }));
    for (const key of ["a", "b", "c"]) dataOf(await peer.state.shared.set(key, 1));
    await until(() => Object.values(heard).every((values) => values.at(-1) === 1));

    expect(heard).toEqual({ a: [0, 1], b: [1], c: [1] });
    expect(answered.some(({ path }) => path.includes("/functions/v1/sync"))).toBe(false);
    expect(answered.some(({ path }) => path.endsWith("/rpc/state_changes"))).toBe(false);
    expect(answered.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(20_000);
    // All watches share the pulls. Each nudge causes a few pulls: 2 when this was measured. Without
    // sharing, there would be three times as many.
    expect(pulls().length).toBeLessThan(15);
  });

  it("get each change once and in order, even if one of them is slow", async () => {
    const fast: unknown[] = [];
    const slow: unknown[] = [];
    let release = () => {};
    let began = () => {};
    const started = new Promise<void>((resolve) => {
      began = resolve;
    });
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let done = () => {};
    dataOf(
      await reader.state.shared.watch("n", ({ value }) => {
        fast.push(value);
        done();
      }),
    );
    dataOf(
      await reader.state.shared.watch("n", async ({ value }) => {
        slow.push(value);
        began();
        await held;
        done();
      }),
    );
    const until = async (what: () => boolean) => {
      while (!what())
        await new Promise<void>((resolve) => {
          done = resolve;
        });
    };
    dataOf(await peer.state.shared.set("n", 1));
    await started;
    for (let n = 2; n <= 5; n++) dataOf(await peer.state.shared.set("n", n));
    await until(() => fast.length === 5);
    expect(slow).toEqual([1]);
    release();
    await until(() => slow.length === 5);
    expect([fast, slow]).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4, 5],
    ]);
  });
});

describe("a watch that follows", () => {
  it("keeps pulling after a nudge until two pulls find nothing", async () => {
    const refused = await reader.log.watch({ followMs: 10 }, () => {});
    expect(refused.error).toMatchObject({
      code: "invalid_request",
      details: { field: "followMs" },
    });
    let heard = () => {};
    const first = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const options = { types: ["state.*"], followMs: 50, pollMs: 3_600_000 };
    const watch = dataOf(await reader.log.watch(options, () => heard()));
    dataOf(await peer.state.shared.set("a", 0));
    await first;
    // Without `followMs`, the watch would pull only once more, at the end of the nudge's window.
    for (let pull = 0; pull < 3; pull++) await proxy.requestOf("/read_log");
    await watch.stop();
  });
});

describe("a watch of messages by a person or a server", () => {
  it("hears at once of messages to one agent, whether or not its inbox is open", async () => {
    const heard: unknown[] = [];
    // The watch polls only once an hour, so no poll finds the event in time.
    const options = { types: ["message.sent"], pollMs: 3_600_000 };
    const watch = dataOf(
      await mayfly.log.watch(options, ({ events }) => {
        heard.push(...events.map(({ subject }) => subject));
      }),
    );
    const sent: string[] = [];
    // The pull that comes every 30 s without a nudge could find at most one of these messages in time, by
    // chance.
    for (let n = 0; n < 3; n++) {
      sent.push(dataOf(await peer.send(reader.id, "info", { text: `${n}` })).id);
      await expect.poll(() => heard, { timeout: 10_000 }).toEqual(sent);
    }
    await watch.stop();
  });
});

describe("a list of what has happened", () => {
  it("returns the newest first, by kind, page by page, to its end", async () => {
    for (let n = 0; n < 3; n++) dataOf(await peer.state.shared.set("a", n));
    const page = { types: ["state.*"], limit: 2 };
    const first = dataOf(await mayfly.log.list(page));
    expect(first.events.map(({ version }) => version)).toEqual([3, 2]);
    const rest = dataOf(await mayfly.log.list({ ...page, after: first.after ?? "" }));
    expect(rest.events.map(({ version }) => version)).toEqual([1]);
    expect(rest.after).toBeNull();
    const own = dataOf(await mayfly.log.list({ agent: peer.id, types: ["agent.spawned"] }));
    expect(own.events.map(({ subject }) => subject)).toEqual([peer.id]);
    const past = dataOf(await mayfly.log.list({ ...page, until: new Date("2020-01-01") }));
    expect(past).toEqual({ events: [], after: null });
    const all = dataOf(await mayfly.log.list({ ...page, until: new Date(Date.now() + 60_000) }));
    expect(all.events).toEqual(first.events);
    for (const [field, options] of Object.entries({
      after: { after: "1;drop" },
      types: { types: ["x%,type.neq.y"] },
      limit: { limit: 0 },
    }))
      expect((await mayfly.log.list(options)).error).toMatchObject({
        code: "invalid_request",
        details: { field },
      });
  });
});
