/** The content of an outbox of 0.1.0 is pushed by today's SDK, which writes another form. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let folder: string;
beforeAll(async () => {
  local = await startTestLocal();
  folder = await mkdtemp(join(tmpdir(), "mayfly-outbox-"));
});
afterAll(async () => {
  await local.close();
  await rm(folder, { recursive: true, force: true });
});

type Change = { put?: { operation: Record<string, unknown> }[] };
const operationsIn = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => (JSON.parse(line) as Change).put ?? [])
    .map(({ operation }) => operation);

/** Lets an agent write an outbox and not push it. Returns the text of the file, and the id of the agent. */
async function record(Sdk: typeof Mayfly): Promise<{ text: string; agent: string }> {
  const { tenant } = await local.enter();
  const door = new Sdk({ url: local.apiUrl, key: local.secretKey, tenant, storage: folder });
  const agent = dataOf(await door.spawn());
  dataOf(await agent.remember({ task: "pushed", output: "First." }));
  dataOf(await agent.sync());
  const { id } = dataOf(await agent.remember({ task: "plain", output: "Plain." }));
  const vector = { embedding: Array(384).fill(0.5) as number[], model: "m" };
  dataOf(await agent.remember({ task: "with a vector", output: "Vector.", ...vector }));
  const gone = dataOf(await agent.remember({ task: "gone", output: "Gone." }));
  // In 0.1.0 these are methods of the agent.
  const memory = agent.memory ?? (agent as unknown as Agent["memory"]);
  dataOf(await memory.update(id, { set: { reward: 1 } }));
  dataOf(await memory.forget(gone.id));
  const text = await readFile(join(folder, `${tenant}.jsonl`), "utf8");
  await door.close({ stopAgents: true });
  return { text, agent: agent.id };
}

describe("an outbox on a disk", () => {
  it("of 0.1.0 drains completely: puts, vectors, updates and deletes", async () => {
    const file = join(import.meta.dirname, "../upgrade/0.1.0/sdk.js");
    const earlier = (await import(pathToFileURL(file).href)) as { Mayfly: typeof Mayfly };
    const { text, agent } = await record(earlier.Mayfly);
    expect(operationsIn(text).every((operation) => "memory" in operation)).toBe(true);

    const { tenant, mayfly } = await local.enter();
    const { id } = await spawnIn(mayfly);
    await writeFile(join(folder, `${tenant}.jsonl`), text.replaceAll(agent, id));
    const door = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant, storage: folder });
    expect(dataOf(await door.outbox.drain())).toEqual({ pushed: 5, rejected: 0 });
    await door.close();
    const { memories } = dataOf(await mayfly.memory.list());
    expect(memories.map(({ task, reward }) => [task, reward]).sort()).toEqual([
      ["plain", 1],
      ["with a vector", null],
    ]);
    const [found] = await local.sql`
      select count(*)::int from mayfly.memory_vectors where tenant_id = ${tenant} and model = 'm'`;
    expect(found?.count).toBe(1);
  });

  it("has operations with a subject and a body", async () => {
    const operations = operationsIn((await record(Mayfly)).text);
    expect(operations.length).toBeGreaterThan(4);
    for (const operation of operations)
      expect(Object.keys(operation).sort()).toEqual(["body", "id", "subject", "type"]);
  });
});
