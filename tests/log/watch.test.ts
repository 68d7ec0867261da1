import { Mayfly } from "@mayfly/sdk";
import { describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { collector, storeOf } from "#harness/collector";
import {
  enterAsViewer,
  local,
  mayfly,
  nudgedAlone,
  proxy,
  remember,
  setUp,
  tenant,
  watch,
  watched,
} from "./watching.ts";

setUp();

describe("watch", () => {
  it("delivers what happens from now on, with the memories, after nudges", async () => {
    await remember("before");
    const got = collector();
    await watch(watched, { types: ["memory.*"], ...nudgedAlone }, got.take);
    const ids = await remember("one", "two");
    await got.until(() => got.subjects().length === 2);
    expect(got.subjects()).toEqual(ids);
    expect(got.batches[0]).toMatchObject({
      snapshot: false,
      attempt: 1,
      cursor: expect.any(String),
      events: [{ type: "memory.created" }, { type: "memory.created" }],
    });
    expect(new Set(got.memories().map(({ task }) => task))).toEqual(new Set(["one", "two"]));
    const more = await remember("three");
    await got.until(() => got.subjects().length === 3);
    expect(got.subjects()).toEqual([...ids, ...more]);
  });

  it("works for an agent, delivers only the chosen types, and ends with the agent", async () => {
    const got = collector();
    const agent = await spawnIn(watched, { name: "watcher" });
    const started = await watch(agent, { types: ["agent.stopped"], ...nudgedAlone }, got.take);
    const victim = await spawnIn(mayfly, { name: "victim" });
    await remember("not of interest");
    await victim.stop();
    await got.until(() => got.batches.length > 0);
    expect(got.batches[0]?.events).toMatchObject([{ type: "agent.stopped", subject: victim.id }]);
    await agent.stop();
    expect(await started.ended).toBeNull();
  });

  // "At once" means before the pull that comes every 30 s without a nudge.
  it("delivers events for a single agent at once, too", async () => {
    const agent = await spawnIn(watched);
    const got = collector();
    await watch(agent, { types: ["memory.*"], ...nudgedAlone }, got.take);
    const { id } = dataOf(await agent.remember({ task: "own", visibility: "agent" }));
    dataOf(await agent.sync());
    await got.until(() => got.subjects().includes(id));
    expect(got.batches[0]?.memories).toMatchObject([{ id, visibility: "agent" }]);
    dataOf(await agent.memory.update(id, { set: { reward: 1 } }));
    dataOf(await agent.sync());
    await got.until(() => got.subjects().length === 2);
    expect(got.batches.at(-1)?.events).toMatchObject([{ type: "memory.updated", subject: id }]);
    await agent.stop();
  });

  it("misses nothing and repeats nothing across closed sockets and a server that is away", async () => {
    const got = collector();
    const problems: unknown[] = [];
    await watch(
      watched,
      { types: ["memory.*"], pollMs: 200, onError: (error) => problems.push(error) },
      got.take,
    );
    const ids: string[] = [];
    for (let round = 0; round < 6; round++) {
      if (round % 2 === 0) proxy.closeSockets();
      if (round === 3) proxy.down();
      ids.push(...(await remember(`${round} a`, `${round} b`)));
      proxy.up();
    }
    await got.until(() => got.subjects().length >= ids.length);
    ids.push(...(await remember("last")));
    await got.until(() => got.subjects().length >= ids.length);
    expect(got.subjects()).toEqual(ids);
  });

  it("is nudged again after the socket was closed", async () => {
    const got = collector();
    await watch(watched, { types: ["memory.*"], ...nudgedAlone }, got.take);
    const ids = await remember("before");
    await got.until(() => got.subjects().length === 1);
    proxy.closeSockets();
    ids.push(...(await remember("while away")));
    await got.until(() => got.subjects().length === 2);
    ids.push(...(await remember("afterwards")));
    await got.until(() => got.subjects().length === 3);
    expect(got.subjects()).toEqual(ids);
  });

  it("reads again after an answer that was cut off", async () => {
    const got = collector();
    await watch(watched, { types: ["memory.*"], ...nudgedAlone }, got.take);
    proxy.loseAnswers("/rpc/read_log", 2);
    const ids = await remember("one", "two");
    await got.until(() => got.subjects().length === 2);
    expect(got.subjects()).toEqual(ids);
  });

  it("continues at a cursor that an earlier watch delivered", async () => {
    const got = collector();
    const first = await watch(watched, { types: ["memory.*"], ...nudgedAlone }, got.take);
    await remember("one");
    await got.until(() => got.batches.length === 1);
    await first.stop();
    const since = got.batches[0]?.cursor ?? "";
    expect(first.cursor).toBe(since);
    const ids = await remember("two", "three");
    const later = collector();
    await watch(watched, { types: ["memory.*"], since, limit: 1, ...nudgedAlone }, later.take);
    await later.until(() => later.batches.length === 2);
    expect(later.subjects()).toEqual(ids);
  });

  it("redelivers handled events that were not acknowledged, and marks them", async () => {
    const store = storeOf();
    const crashed = collector();
    const first = await watch(
      watched,
      { types: ["memory.*"], store, ...nudgedAlone },
      async (batch) => {
        crashed.take(batch);
        // The process ends here: the handler never returns.
        await new Promise(() => {});
      },
    );
    const ids = await remember("one");
    await crashed.until(() => crashed.batches.length === 1);
    await first.stop();
    expect(store.state).toMatchObject({ attempt: 1 });

    const got = collector();
    await watch(watched, { types: ["memory.*"], store, ...nudgedAlone }, got.take);
    await got.until(() => got.batches.length === 1);
    expect(got.batches[0]).toMatchObject({ attempt: 2, events: [{ subject: ids[0] }] });
    ids.push(...(await remember("two")));
    await got.until(() => got.batches.length === 2);
    expect(got.batches[1]).toMatchObject({ attempt: 1 });
    expect(got.subjects()).toEqual(ids);
  });

  it("does not redeliver what was handled after it was stopped", async () => {
    const store = storeOf();
    const got = collector();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const options = { types: ["memory.*"], store, ...nudgedAlone };
    const first = await watch(watched, options, async (batch) => {
      got.take(batch);
      await held;
    });
    const ids = await remember("one");
    await got.until(() => got.batches.length === 1);
    await first.stop();
    release();
    expect(await first.ended).toBeNull();
    expect(store.state).toEqual({ cursor: got.batches[0]?.cursor, attempt: 0 });
    ids.push(...(await remember("two")));
    await watch(watched, options, got.take);
    await got.until(() => got.batches.length === 2);
    expect(got.subjects()).toEqual(ids);
  });

  it("calls a handler again with the same batch if it threw, and only then continues", async () => {
    const got = collector();
    const problems: unknown[] = [];
    let failures = 1;
    const store = storeOf();
    await watch(
      watched,
      { types: ["memory.*"], store, onError: (error) => problems.push(error), ...nudgedAlone },
      (batch) => {
        got.take(batch);
        if (failures-- > 0) throw new Error("not now");
      },
    );
    await remember("one");
    await got.until(() => got.batches.length === 2);
    const [first, second] = got.batches;
    expect(second).toEqual({ ...first, attempt: 2 });
    expect(problems).toMatchObject([{ message: "not now" }]);
  });

  it("holds one page while the handler works, however much arrives", async () => {
    const got = collector();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await watch(watched, { types: ["memory.*"], limit: 10, ...nudgedAlone }, async (batch) => {
      got.take(batch);
      await held;
    });
    const ids = await remember("first");
    await got.until(() => got.batches.length === 1);
    ids.push(...(await remember(...Array.from({ length: 35 }, (_, n) => `more ${n}`))));
    const asked = proxy.requests.length;
    ids.push(...(await remember("last")));
    expect(proxy.requests.length).toBe(asked);
    expect(got.batches).toHaveLength(1);
    release();
    await got.until(() => got.subjects().length === ids.length);
    expect(got.subjects()).toEqual(ids);
    expect(Math.max(...got.batches.map(({ events }) => events.length))).toBeLessThanOrEqual(10);
  });

  it("starts with all memories if asked, and then follows the log", async () => {
    const ids = await remember("a", "b", "c");
    const got = collector();
    await watch(watched, { types: ["memory.*"], since: null, limit: 2, ...nudgedAlone }, got.take);
    await got.until(() => got.batches.length === 2);
    expect(got.batches).toMatchObject([{ snapshot: true }, { snapshot: true }]);
    expect(got.memories().map(({ id }) => id)).toEqual(ids);
    const [next] = await remember("d");
    await got.until(() => got.batches.length === 3);
    expect(got.batches[2]).toMatchObject({ snapshot: false, events: [{ subject: next }] });
  });

  it("sends a snapshot if the log since its cursor is gone", async () => {
    const [id] = await remember("there");
    const got = collector();
    await watch(watched, { types: ["memory.*"], ...nudgedAlone }, got.take);
    // The two changes are made in one transaction. A pull between them would find the new epoch without these rows.
    const next = "ffffffff-ffff-7fff-bfff-ffffffffffff";
    await local.sql.begin(async (sql) => {
      await sql`update mayfly_private.epochs set timeline = timeline + 1`;
      await sql`insert into mayfly.memories (tenant_id, id, task) values (${tenant}, ${next}, 'new life')`;
    });
    await got.until(() => got.batches.length > 0);
    expect(got.batches[0]).toMatchObject({
      snapshot: true,
      memories: [{ id }, { id: next, task: "new life" }],
    });
  });

  it("says that the log since its cursor is gone, even without memories", async () => {
    await remember("there");
    const got = collector();
    await watch(watched, { types: ["agent.*"], limit: 1, ...nudgedAlone }, got.take);
    await local.sql`update mayfly_private.epochs set timeline = timeline + 1`;
    await remember("new life");
    await got.until(() => got.batches.length > 0);
    expect(got.batches).toMatchObject([{ snapshot: true, events: [], memories: [] }]);
    const { id } = await spawnIn(mayfly, { name: "new" });
    await got.until(() => got.batches.length > 1);
    expect(got.batches[1]).toMatchObject({ snapshot: false, events: [{ subject: id }] });
  });

  it("shares one connection among several watches, which continue when one stops", async () => {
    const [one, other] = [collector(), collector()];
    const first = await watch(watched, { types: ["memory.*"], ...nudgedAlone }, one.take);
    await watch(watched, { types: ["memory.*"], ...nudgedAlone }, other.take);
    const ids = await remember("for both");
    await Promise.all([one, other].map((got) => got.until(() => got.subjects().length === 1)));
    await first.stop();
    expect(await first.ended).toBeNull();
    ids.push(...(await remember("for the other")));
    await other.until(() => other.subjects().length === 2);
    expect(other.subjects()).toEqual(ids);
    expect(one.subjects()).toEqual(ids.slice(0, 1));
  });

  it("reports an error at the start at once, and ends when it may no longer read", async () => {
    for (const since of ["no cursor", ""])
      expect((await watched.log.watch({ since }, () => {})).error?.code).toBe("cursor_invalid");
    for (const [field, value] of Object.entries({ limit: 0, pollMs: 0 })) {
      const { error } = await watched.log.watch({ [field]: value }, () => {});
      expect(error).toMatchObject({ code: "invalid_request", details: { field } });
    }
    const broken = new Error("The disk is gone.");
    const store = { load: () => Promise.reject(broken), save: async () => {} };
    expect((await watched.log.watch({ store }, () => {})).error).toMatchObject({
      code: "storage_failed",
      cause: broken,
    });
    const nobody = new Mayfly({ url: proxy.url, key: local.secretKey });
    expect((await nobody.log.watch({}, () => {})).error?.code).toBe("tenant_unknown");
    // An agent would learn of its own end, and end its watches itself.
    const person = await enterAsViewer();
    const started = await watch(person, { pollMs: 100 }, () => {});
    await local.sql`delete from mayfly.members where tenant_id = ${tenant}`;
    await remember("seen by others");
    expect((await started.ended)?.code).toBe("tenant_unknown");
    await person.close();
  });
});
