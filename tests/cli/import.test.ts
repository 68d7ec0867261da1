/** Imports memories from other programs and from an export, each once. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Imported } from "@mayfly/sdk";
import { expect, it } from "vitest";
import { environment, folder, json, local, mayfly, secret, setUp, tenant } from "./connected.ts";
import { runCli } from "./run.ts";

setUp();

type Counts = Record<"stored" | "changed" | "duplicate" | "skipped", number>;
const write = async (name: string, text: string) => {
  await writeFile(join(folder, name), text);
  return name;
};
const load = async (words: string[], env = {}) => {
  const { code, out, err } = await runCli(["import", ...words, "--json"], environment(env));
  expect(code, out + err).toBe(0);
  return JSON.parse(out) as Counts;
};
const twice = async (...words: string[]) => {
  const before = (await mayfly.memory.statistics()).data?.memories ?? 0;
  const first = await load(words);
  await load(words);
  const after = (await mayfly.memory.statistics()).data?.memories ?? 0;
  expect(after - before).toBe(first.stored);
  return first;
};

it("mayfly import takes memories of mem0 with their owners, as an array or inside results", async () => {
  const items = [
    {
      id: "a1",
      memory: "Ada likes tea",
      user_id: "ada",
      categories: ["drinks"],
      metadata: { n: 1 },
    },
    {
      id: "a2",
      memory: "Bob likes coffee",
      agent_id: "waiter",
      created_at: "2026-01-01T00:00:00Z",
    },
    { id: "a3", memory: "" },
  ];
  const file = await write("mem0.json", JSON.stringify({ results: items }, null, 2));
  expect(await twice(file, "--from", "mem0")).toMatchObject({ stored: 2, skipped: 1 });
  const { data } = await mayfly.memory.list({ tags: ["user:ada", "drinks"] });
  expect(data?.memories).toMatchObject([
    {
      output: "Ada likes tea",
      kind: "fact",
      key: "mem0:a1",
      metadata: { n: 1, mem0: { id: "a1", user: "ada" } },
    },
  ]);
});

it("mayfly import takes the rows of a LangGraph store, and a changed value changes its memory", async () => {
  const row = (value: object) =>
    `${JSON.stringify({ prefix: "users.ada", key: "food", value, created_at: "2026-01-01" })}\n`;
  const file = await write("store.jsonl", row({ text: "likes pizza" }));
  expect(await twice(file, "--from", "langgraph")).toMatchObject({ stored: 1 });
  await write("store.jsonl", row({ text: "likes pasta" }));
  await load([file, "--from", "langgraph"]);
  const { data } = await mayfly.memory.list({ key: "langgraph:users.ada/food" });
  expect(data?.memories).toMatchObject([{ output: "likes pasta", tags: ["namespace:users.ada"] }]);
});

it("mayfly import continues after a broken line was repaired", async () => {
  const line = (n: number) => JSON.stringify({ task: "Count", output: `This is number ${n}.` });
  const lines = Array.from({ length: 600 }, (_, n) => line(n));
  const file = await write("many.jsonl", [...lines, "not JSON"].join("\n"));
  const broken = await runCli(["import", file], environment());
  expect(broken).toMatchObject({ code: 2, err: expect.stringContaining("Line 601 of many.jsonl") });
  // 500 lines are stored. An import of the same file continues after them. An import of a changed file starts
  // again, and stores nothing twice.
  expect((await mayfly.memory.list({ limit: 1_000 })).data?.memories.length).toBeGreaterThanOrEqual(
    500,
  );
  const again = await runCli(["import", file], environment());
  expect(again.err).toContain("Continuing after line 500.");
  await write("many.jsonl", lines.join("\n"));
  expect(await load([file])).toMatchObject({ stored: 100, duplicate: 500 });
  expect(
    (await readdir(join(folder, ".mayfly"))).filter((name) => name.startsWith("import-")),
  ).toHaveLength(1);
});

it("mayfly import brings a whole export into another tenant with its ids and vectors, and nothing twice", async () => {
  const marker = "The marker of the export.";
  await mayfly.memory.remember({ task: "Mark", output: marker, key: "marker", reward: 0.5 });
  await mayfly.state.shared.set("plan", { steps: 3 });
  const out = join(folder, "export.jsonl");
  const done = await runCli(["export", "--out", "export.jsonl"], environment());
  expect(done.code, done.err).toBe(0);
  const exported = (await readFile(out, "utf8"))
    .split("\n")
    .filter(Boolean)
    .map((l) => JSON.parse(l) as { table: string });
  const { data: copy } = await secret().tenants.create({ name: "a copy" });
  const env = { MAYFLY_TENANT: copy?.id ?? "" };
  const load = async () => {
    const { code, out, err } = await runCli(
      ["import", "export.jsonl", "--from", "export", "--json"],
      environment(env),
    );
    expect(code, out + err).toBe(0);
    return JSON.parse(out) as Imported;
  };
  const first = await load();
  const left = Object.values(first.leftOut).reduce((sum, rows) => sum + rows, 0);
  // The line of the tenant is not stored as a row.
  expect(first).toMatchObject({ known: 0, orphaned: 0, stored: exported.length - 1 - left });
  expect(await load()).toMatchObject({ stored: 0, known: first.stored });
  const [same] = await local.sql`
    select count(*)::int as vectors from mayfly.memory_vectors a
    join mayfly.memory_vectors b using (memory_id, model)
    where a.embedding::text = b.embedding::text and a.tenant_id = ${tenant} and b.tenant_id = ${copy?.id ?? ""}`;
  expect(same?.vectors).toBe(exported.filter(({ table }) => table === "memory_vectors").length);
  const found = await json<{ results: { output: string }[] }>(
    "recall",
    "marker of the export",
    "--tenant",
    "a copy",
  );
  expect(found.results[0]?.output).toBe(marker);
});
