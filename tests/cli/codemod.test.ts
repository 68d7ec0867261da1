import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "./run.ts";

let folder: string;
beforeEach(async () => {
  // The folder is in the repository, so that @mayfly/sdk is found as in a project that has it installed.
  folder = await mkdtemp(join(import.meta.dirname, ".codemod-"));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const read = (name: string) => readFile(join(folder, name), "utf8");
const codemod = (...words: string[]) => runCli(["codemod", "0.2", ...words], { cwd: folder });

const before = `import { type Agent, Mayfly } from "@mayfly/sdk";

const home = new Mayfly({ url: "", key: "" });
// mayfly.drain() pushes what agent.unsynced counts.
export async function tidy(reader: Agent, lines: Map<string, number>) {
  lines.get("untouched");
  await home.drain();
  const { data: helper } = await reader.spawn();
  if ((helper?.unsynced ?? 0) > 0) await helper?.retryDeadLetters();
  const { data: page } = await home.conflicts.list();
  if (page) await home.conflicts.settle(page.conflicts);
  await home.run({}, async (worker) => {
    await worker.update("id", { set: {} });
    await worker.shared.set("done", worker.cached);
    worker.on("info", () => {});
  });
  home.on("info", () => {});
  return { memories: await reader.memories(), team: await home.members.list() };
}
`;
const after = `import { type Agent, Mayfly } from "@mayfly/sdk";

const home = new Mayfly({ url: "", key: "" });
// mayfly.outbox.drain() pushes what agent.outbox.waiting counts.
export async function tidy(reader: Agent, lines: Map<string, number>) {
  lines.get("untouched");
  await home.outbox.drain();
  const { data: helper } = await reader.spawn();
  if ((helper?.outbox.waiting ?? 0) > 0) await helper?.outbox.retry();
  const { data: page } = await home.memory.conflicts.list();
  if (page) await home.memory.conflicts.resolve(page.conflicts);
  await home.run({}, async (worker) => {
    await worker.memory.update("id", { set: {} });
    await worker.state.shared.set("done", worker.memory.cached);
    worker.on("info", () => {});
  });
  home.messages.on("info", () => {});
  return { memories: await reader.memory.list(), team: await home.people.members.list() };
}
`;

describe("mayfly codemod 0.2", () => {
  it("renames members by their types, whatever the variable names", async () => {
    await write("tidy.ts", before);
    const dry = await codemod("--dry-run", "--json");
    expect(JSON.parse(dry.out)).toEqual({ changed: [{ path: "tidy.ts", edits: 14, byHand: [] }] });
    expect(await read("tidy.ts")).toBe(before);
    const { code, out } = await codemod();
    expect([code, out]).toEqual([0, "tidy.ts: 14 places\n"]);
    expect(await read("tidy.ts")).toBe(after);
    expect((await codemod()).out).toBe("Nothing uses a name that has changed.\n");
  });

  it("renames code and names in Markdown, by name if types are missing", async () => {
    const page =
      "Call `mayfly.drain()`; `map.get()` stays.\n\n```ts\nawait agent.recallLocal(query);\n```\n\nagent.get is no code.\n";
    await write("page.md", page);
    await write("old.js", "export const left = (agent) => agent.deadLetters.length;\n");
    expect((await codemod()).code).toBe(0);
    expect(await read("page.md")).toBe(
      "Call `mayfly.outbox.drain()`; `map.get()` stays.\n\n```ts\nawait agent.memory.recallLocal(query);\n```\n\nagent.get is no code.\n",
    );
    expect(await read("old.js")).toBe(
      "export const left = (agent) => agent.outbox.refused.length;\n",
    );
  });

  it("lists what people have to change, and exits with 1", async () => {
    const text =
      'import type { Mayfly } from "@mayfly/sdk";\nexport const of = (m: Mayfly) => {\n  const { members } = m;\n  return members;\n};\n';
    await write("taken.ts", text);
    const { code, out } = await codemod();
    expect(code).toBe(1);
    expect(out).toBe(
      "taken.ts:3: change by hand: members is destructured from m. It is people.members now\n",
    );
    expect(await read("taken.ts")).toBe(text);
    const unknown = await runCli(["codemod", "0.9"], { cwd: folder });
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("no codemod for 0.9")]);
  });
});
