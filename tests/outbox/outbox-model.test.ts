import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MayflyError } from "@mayfly/sdk";
import { fileStorage, memoryStorage, Outboxes } from "@mayfly/sdk/internal";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-model-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const refusal = new MayflyError({ code: "internal", message: "no", hint: null, details: null });
const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), by: fc.constantFrom("a", "b", "c") }),
  fc.record({ do: fc.constant("push" as const), by: fc.constantFrom("a", "b", "c", null) }),
  fc.record({ do: fc.constant("refuse" as const), by: fc.constantFrom("a", "b", "c", null) }),
  fc.record({ do: fc.constant("lose" as const), by: fc.constantFrom("a", "b", "c", null) }),
  fc.record({ do: fc.constant("leave" as const), by: fc.constantFrom("a", "b", "c") }),
  fc.record({ do: fc.constant("restart" as const) }),
  fc.record({ do: fc.constant("retry" as const) }),
);

describe.each(["memory", "file"])("an outbox in %s", (kind) => {
  it("holds what was added until it is removed, in order, whatever happens", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const tenant = `t${run++}`;
        const storage = kind === "file" ? fileStorage(folder) : memoryStorage();
        let outbox = new Outboxes(storage).of(tenant);
        const living = new Set<string>();
        const waiting: { id: string; by: string }[] = [];
        const dead: { id: string; by: string }[] = [];
        let next = 0;
        for (const one of steps) {
          if (one.do === "add") {
            if (!living.has(one.by)) outbox.join(one.by);
            living.add(one.by);
            const id = String(next++).padStart(4, "0");
            const body = { task: "t" };
            await outbox.add({ id, type: "memory.put", subject: id, body }, one.by);
            waiting.push({ id, by: one.by });
          } else if (one.do === "leave") {
            outbox.leave(one.by);
            living.delete(one.by);
          } else if (one.do === "restart") {
            for (const by of living) outbox.leave(by);
            living.clear();
            await outbox.close();
            outbox = new Outboxes(storage).of(tenant);
            await outbox.open();
          } else if (one.do === "retry") {
            expect(await outbox.retry()).toBe(dead.length);
            // A retried operation gets its old place back, so it is pushed first.
            waiting.push(...dead.splice(0));
            waiting.sort((x, y) => x.id.localeCompare(y.id));
          } else {
            const own = waiting.filter(({ by }) => by === one.by);
            const left = waiting.filter(({ by }) => by !== one.by && !living.has(by));
            const expected = own.length > 0 ? own : left;
            await outbox.open();
            const batch = outbox.take(one.by);
            expect(batch.map(({ operation }) => operation.id)).toEqual(
              expected.map(({ id }) => id).slice(0, 100),
            );
            // Nobody else takes operations that are on their way.
            expect(outbox.take(one.by)).toEqual([]);
            const [first] = batch;
            if (one.do === "lose") outbox.release(batch);
            else if (one.do === "push") await outbox.acknowledge(batch);
            else if (first) {
              await outbox.bury(first, refusal);
              outbox.release(batch);
            }
            const settled = one.do === "push" ? expected : one.do === "refuse" ? [expected[0]] : [];
            for (const entry of settled) {
              if (!entry) continue;
              waiting.splice(waiting.indexOf(entry), 1);
              if (one.do === "refuse") dead.push(entry);
            }
          }
          expect(outbox.waiting()).toBe(waiting.length);
          expect(outbox.deadLetters.map(({ operation }) => operation.id).sort()).toEqual(
            dead.map(({ id }) => id).sort(),
          );
        }
        for (const by of living) outbox.leave(by);
        await outbox.close();
      }),
      { numRuns: kind === "file" ? 60 : 200 },
    );
  });
});
