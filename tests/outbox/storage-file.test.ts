import { spawn } from "node:child_process";
import {
  appendFile,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OutboxEntry } from "@mayfly/sdk";
import { fileStorage, systemIdentity } from "@mayfly/sdk/internal";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const tenant = "t";
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-outbox-"));
  path = join(folder, `${tenant}.jsonl`);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const entryOf = (id: string, task = "x"): OutboxEntry => ({
  operation: { id, type: "memory.put", subject: id, body: { task } },
  agentId: "a",
});
const open = () => fileStorage(folder).open(tenant);
const idsOf = ({ entries }: { entries: OutboxEntry[] }) => entries.map((e) => e.operation.id);

/** Another process that opens the outbox, says so, and waits. */
async function holdElsewhere() {
  const child = spawn(
    process.execPath,
    [
      "--input-type=module",
      "--eval",
      `const { fileStorage } = await import(${JSON.stringify(new URL("../../sdk/src/outbox/storage-file.ts", import.meta.url).href)});
       await fileStorage(${JSON.stringify(folder)}).open("t");
       console.log("open");
       setInterval(() => {}, 1000);`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  };
}

describe("an outbox in a file", () => {
  it("keeps what was put and not removed, in order, with its errors", async () => {
    const store = await open();
    await store.write({ put: [entryOf("1"), entryOf("2")] });
    await store.write({ put: [entryOf("3")], remove: ["1"] });
    const error = { code: "internal" as const, message: "m", hint: null, details: { index: 0 } };
    await store.write({ put: [{ ...entryOf("2"), error }] });
    await store.close();
    const again = await open();
    expect(again.entries).toEqual([{ ...entryOf("2"), error }, entryOf("3")]);
    await again.close();
  });

  it("shares a flush among simultaneous writes, and keeps all of them", async () => {
    const store = await open();
    const ids = Array.from({ length: 300 }, (_, n) => String(n));
    await Promise.all(ids.map((id) => store.write({ put: [entryOf(id)] })));
    await store.close();
    const again = await open();
    expect(idsOf(again)).toEqual(ids);
    await again.close();
  });

  it("continues after a last line that was cut off at any byte", async () => {
    const store = await open();
    await store.write({ put: [entryOf("1")] });
    const whole = (await stat(path)).size;
    await store.write({ put: [entryOf("2", "ö😀")] });
    await store.close();
    const text = await readFile(path);
    for (let length = whole; length < text.length; length++) {
      await writeFile(path, text.subarray(0, length));
      const torn = await open();
      expect(idsOf(torn)).toEqual(["1"]);
      await torn.write({ put: [entryOf("3")] });
      await torn.close();
      const again = await open();
      expect(idsOf(again)).toEqual(["1", "3"]);
      await again.close();
    }
  });

  it.each(["not json", "5", "null", '{"put":[{}]}'])(
    "says which line is damaged by %s, and releases the lock",
    async (line) => {
      const store = await open();
      await store.write({ put: [entryOf("1")] });
      await store.close();
      await appendFile(path, `${line}\n`);
      await appendFile(path, `${JSON.stringify({ put: [entryOf("2")] })}\n`);
      await expect(open()).rejects.toMatchObject({
        code: "storage_failed",
        message: expect.stringContaining("Line 2"),
      });
      await truncate(path, 0);
      await (await open()).close();
    },
  );

  it("stays small however much passes through it", async () => {
    const store = await open();
    await store.write({ put: [entryOf("stays")] });
    for (let n = 0; n < 60; n++) {
      await store.write({ put: [entryOf(`p${n}`, "x".repeat(20_000))] });
      await store.write({ remove: [`p${n}`] });
    }
    expect((await stat(path)).size).toBeLessThan(300_000);
    await store.write({ put: [entryOf("last")] });
    await store.close();
    const again = await open();
    expect(idsOf(again)).toEqual(["stays", "last"]);
    await again.close();
  });

  it("takes no space when it is empty", async () => {
    const store = await open();
    await store.write({ put: [entryOf("1"), entryOf("2")] });
    await store.write({ remove: ["1"] });
    expect((await stat(path)).size).toBeGreaterThan(0);
    await Promise.all([store.write({ remove: ["2"] }), store.write({ remove: ["gone before"] })]);
    expect((await stat(path)).size).toBe(0);
    await store.write({ put: [entryOf("3")] });
    await store.close();
    const again = await open();
    expect(idsOf(again)).toEqual(["3"]);
    await again.close();
  });

  it("keeps what it is given even if the file cannot be rewritten", async () => {
    await mkdir(`${path}.draft`);
    const store = await open();
    await store.write({ put: [entryOf("stays")] });
    for (let n = 0; n < 20; n++) {
      await store.write({ put: [entryOf(`p${n}`, "x".repeat(20_000))] });
      await store.write({ remove: [`p${n}`] });
    }
    expect((await stat(path)).size).toBeGreaterThan(400_000);
    // It is rewritten when that is possible.
    await rm(`${path}.draft`, { recursive: true });
    await store.write({ put: [entryOf("last")] });
    expect((await stat(path)).size).toBeLessThan(1_000);
    await store.close();
    const again = await open();
    expect(idsOf(again)).toEqual(["stays", "last"]);
    await again.close();
  });

  it("belongs to one process at a time, and is taken over from a killed process", async () => {
    const kill = await holdElsewhere();
    await expect(open()).rejects.toMatchObject({
      code: "storage_failed",
      message: expect.stringContaining("is held by process"),
    });
    await kill();
    const taken = await Promise.allSettled([open(), open(), open()]);
    const won = taken.filter((one) => one.status === "fulfilled");
    expect(won).toHaveLength(1);
    await won[0]?.value.close();
  });

  it("is not opened twice by one process, but is taken over from another process with the same pid", async () => {
    const store = await open();
    await expect(open()).rejects.toMatchObject({ code: "storage_failed" });
    await store.close();
    // Left by an earlier container, which was also process 1.
    const earlier = { ...systemIdentity().own(), started: "1", token: "earlier" };
    await writeFile(`${path}.lock`, JSON.stringify(earlier));
    await (await open()).close();
  });

  it("is no longer written by a process that has lost it, and the error says so", async () => {
    const store = await open();
    await store.write({ put: [entryOf("1")] });
    const before = await readFile(path, "utf8");
    await writeFile(`${path}.lock`, JSON.stringify({ pid: 1, token: "another" }));
    for (const id of ["2", "3"]) {
      await expect(store.write({ put: [entryOf(id)] })).rejects.toMatchObject({
        code: "storage_failed",
        message: expect.stringContaining("was taken over by another process"),
      });
    }
    await expect(store.assertHeld?.()).rejects.toMatchObject({ code: "storage_failed" });
    await store.close();
    expect(await readFile(path, "utf8")).toBe(before);
    expect(await readFile(`${path}.lock`, "utf8")).toContain("another");
  });
});

describe("a process that was suspended while it rewrote its outbox", () => {
  it("does not replace its successor's file", async () => {
    const store = await open();
    const files = process.getBuiltinModule("node:fs/promises");
    const openFile = files.open;
    // Another process takes the lock over while the draft is written.
    const spy = vi.spyOn(files, "open").mockImplementation(async (...args) => {
      if (String(args[0]).endsWith(".draft") && !String(args[0]).includes(".lock")) {
        const held = JSON.parse(await readFile(`${path}.lock`, "utf8"));
        await writeFile(`${path}.lock`, JSON.stringify({ ...held, token: "another" }));
      }
      return openFile(...args);
    });
    try {
      const before = (await stat(path)).ino;
      await store.write({ put: [entryOf("1", "x".repeat(200_000))] });
      await store.write({ put: [entryOf("1", "y".repeat(100_000))] });
      expect((await stat(path)).ino).toBe(before);
      await expect(store.write({ put: [entryOf("2")] })).rejects.toThrow(/taken over/);
    } finally {
      spy.mockRestore();
      await store.close();
    }
  });
});
