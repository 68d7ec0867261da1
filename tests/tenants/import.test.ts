import type { Imported } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local.close());

const textOf = async (lines: ReadableStream<Uint8Array>) => await new Response(lines).text();
const partsOf = async function* (text: string, size = 1_000) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
};

/** A tenant in which an agent has worked. */
async function worked() {
  const { mayfly, tenant } = await local.enter();
  const agent = await spawnIn(mayfly, { name: "writer" });
  dataOf(await agent.remember([{ task: "Rotate the key", output: "Import it first.", reward: 1 }]));
  dataOf(await agent.sync());
  dataOf(await agent.state.shared.set("plan", { steps: 3 }));
  dataOf(await mayfly.facts.record({ subject: "Ada", predicate: "likes", value: "tea" }));
  dataOf(await mayfly.channels.create({ name: "news", kind: "two_way" }));
  dataOf(await agent.channels.subscribe("news"));
  dataOf(await agent.send({ channel: "news" }, "said", { text: "Hello" }));
  return { mayfly, tenant, agent };
}

describe("the import of an export", () => {
  it("imports memories with their vectors, states, messages, channels and facts directly from an export", async () => {
    const { mayfly, agent } = await worked();
    const copy = (await local.enter()).mayfly;
    const done = dataOf(await copy.tenants.import(dataOf(await mayfly.tenants.export())));
    expect(done).toMatchObject({ known: 0, orphaned: 0 });
    const recalled = dataOf(await copy.memory.recall("rotate the key"));
    const [found] = recalled.results;
    expect(found).toMatchObject({ output: "Import it first.", agentId: agent.id });
    expect(dataOf(await copy.memory.statistics())).toMatchObject({ withoutVector: 0, memories: 1 });
    expect(dataOf(await copy.state.shared.get("plan"))).toMatchObject({ value: { steps: 3 } });
    expect(dataOf(await copy.facts.list({ subject: "Ada" }))).toMatchObject([{ value: "tea" }]);
    expect(dataOf(await copy.agents.list())).toMatchObject([{ name: "writer", status: "stopped" }]);
    expect(dataOf(await copy.tenants.import(dataOf(await mayfly.tenants.export())))).toMatchObject({
      stored: 0,
      known: done.stored,
    });
  });

  it("continues where it stopped", async () => {
    const { mayfly, tenant } = await local.enter();
    await local.sql`
      insert into mayfly.memories (tenant_id, id, task)
      select ${tenant}, gen_random_uuid(), 'memory ' || n from generate_series(1, 1200) n`;
    const text = await textOf(dataOf(await mayfly.tenants.export()));
    const copy = (await local.enter()).mayfly;
    const abort = new AbortController();
    const stopped = dataOf(
      await copy.tenants.import(partsOf(text), {
        signal: abort.signal,
        onProgress: () => abort.abort(),
      }),
    );
    expect(stopped.lines).toBeGreaterThan(0);
    expect(stopped.stored).toBeLessThan(1_200);
    const progress: Imported[] = [];
    const rest = dataOf(
      await copy.tenants.import(partsOf(text), {
        after: stopped.lines,
        onProgress: (done) => progress.push(done),
      }),
    );
    expect(rest).toMatchObject({ stored: 1_200 - stopped.stored, known: 0 });
    expect(progress.at(-1)?.lines).toBe(rest.lines);
    expect(dataOf(await copy.memory.statistics()).memories).toBe(1_200);
  });

  it("says which line is invalid, or what failed in its source", async () => {
    const { mayfly } = await local.enter();
    const wrong = await mayfly.tenants.import(partsOf('{"table":"tenants","row":{}}\nnot JSON'));
    expect(wrong.error).toMatchObject({ code: "invalid_request", details: { field: "source" } });
    expect(wrong.error?.message).toContain("line 2");
    const broken = async function* () {
      yield '{"table":';
      throw new Error("the disk is gone");
    };
    expect((await mayfly.tenants.import(broken())).error?.message).toContain("the disk is gone");
  });

  it("replaces characters that Postgres cannot read", async () => {
    const { mayfly } = await local.enter();
    const row = { id: crypto.randomUUID(), task: "a\0b\ud83d😀" };
    dataOf(await mayfly.tenants.import(partsOf(JSON.stringify({ table: "memories", row }), 7)));
    const { memories } = dataOf(await mayfly.memory.list());
    expect(memories[0]?.task).toBe("a\ufffdb\ufffd😀");
  });

  it("is for the secret key", async () => {
    const { mayfly } = await local.enter();
    const agent = await spawnIn(mayfly);
    const { error } = await agent.client.rpc("import_tenant", { lines: [] });
    expect(error?.code).toBe("42501");
  });
});
