/** Code that changes while runs sleep: a run says what is missing, is finished by the old version, or is moved. */
import { workflow } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, makePerson, refusalOf } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { claimOne, complete, jobOf } from "../jobs/working.ts";
import { makeStage } from "./running.ts";

let db: TestDatabase;
let stage: Awaited<ReturnType<typeof makeStage>>;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => {
  stage = await makeStage(db);
});

const did: string[] = [];
/** Steps with these names, with a wait after the first two. */
const order = (names: string[], version = "1") =>
  workflow(
    "order",
    null,
    async (ctx) => {
      for (const [at, name] of names.entries()) {
        if (at === 2) await ctx.signal("go");
        await ctx.step(name, () => did.push(name));
      }
      return names;
    },
    { version },
  );

const began = order(["pay", "mail", "ship"]);
async function sleeping() {
  const id = await stage.start(began, {}, { max_attempts: 1 });
  await stage.drain(began.handlers);
  expect((await stage.query(id)).status).toBe("waiting");
  did.length = 0;
  return id;
}
const move = (id: string, more: Record<string, unknown>, by = stage.admin) =>
  stage.call("move_workflow", { id, ...more }, by);

describe("a run whose code changes while it waits", () => {
  it("says which step was renamed, and does nothing more", async () => {
    const id = await sleeping();
    await stage.signal(id, "go");
    await stage.drain(order(["pay", "email", "ship"]).handlers);
    const { error, status } = await stage.query(id);
    expect([status, error?.code]).toEqual(["failed", "workflow_changed"]);
    expect(error?.message).toMatch(/asks for "email".*recorded step "mail"/);
    expect(did).toEqual([]);
  });

  it("says which step was removed, even if no other step comes after it", async () => {
    const id = await sleeping();
    await stage.signal(id, "go");
    await stage.drain(order(["pay"]).handlers);
    expect((await stage.query(id)).error?.message).toMatch(/ended without.*"(mail|signal: go)"/);
    const other = await sleeping();
    await stage.signal(other, "go");
    await stage.drain(order(["mail", "other", "ship"]).handlers);
    expect((await stage.query(other)).error?.message).toMatch(/"other".*"pay"/);
  });

  it("continues if only code after the last record has changed, or branches run in another order", async () => {
    const id = await sleeping();
    await stage.signal(id, "go");
    await stage.drain(order(["pay", "mail", "pack", "ship"]).handlers);
    expect((await stage.query(id)).result).toEqual(["pay", "mail", "pack", "ship"]);
    const branches = workflow("branches", null, async (ctx) => {
      const slow = (async () => {
        for (const n of [1, 2, 3]) await ctx.step(`slow ${n}`, () => n);
      })();
      const fast = (async () => {
        // Code outside of steps runs in each attempt.
        await new Promise((resolve) => setTimeout(resolve, 10));
        await ctx.step("fast", () => 0);
      })();
      await Promise.all([slow, fast]);
      await ctx.signal("go");
      return "done";
    });
    const other = await stage.start(branches);
    await stage.drain(branches.handlers);
    await stage.signal(other, "go");
    await stage.drain(branches.handlers);
    expect((await stage.query(other)).result).toBe("done");
  });
});

describe("a run of an old version", () => {
  const renamed = order(["pay", "email", "ship"], "2");

  it("is left alone by workers of the new version, and finished by workers that also serve the old one", async () => {
    const id = await sleeping();
    await stage.signal(id, "go");
    await stage.drain(renamed.handlers);
    expect((await stage.query(id)).status).toBe("ready");
    await stage.drain({ ...began.handlers, ...renamed.handlers });
    expect(await stage.query(id)).toMatchObject({ status: "succeeded", version: "1" });
  });

  it("can be moved with renamed steps, and repeats nothing", async () => {
    const id = await sleeping();
    expect(await move(id, { to_version: "2", renamed: { mail: "email" } })).toMatchObject({
      name: "order",
      from: "1",
      version: "2",
    });
    await stage.signal(id, "go");
    await stage.drain(renamed.handlers);
    expect(await stage.query(id)).toMatchObject({ status: "succeeded", version: "2" });
    expect(did).toEqual(["ship"]);
  });

  it("that has failed can be moved and runs again, and repeats the steps that it has to forget", async () => {
    const id = await sleeping();
    await stage.signal(id, "go");
    await stage.drain(order(["pay", "email", "ship"]).handlers);
    await move(id, { to_version: "2", forgotten: ["mail"] });
    await stage.drain(renamed.handlers);
    expect(await stage.query(id)).toMatchObject({ status: "succeeded", version: "2" });
    expect(did).toEqual(["email", "ship"]);
  });

  it("is taken from its worker when it is moved", async () => {
    const id = await stage.start(began);
    const { lease } = await claimOne(db.sql, stage.agent.claims);
    await move(id, { to_version: "2" });
    expect(await complete(db.sql, stage.agent.claims, [{ lease }])).toMatchObject({ lost: [0] });
    await stage.drain(renamed.handlers);
    expect((await stage.query(id)).status).toBe("waiting");
    expect(await jobOf(db.sql, stage.tenant, id)).toMatchObject({ queue: renamed.job });
  });

  it("cannot be moved without the right, to an invalid version, or if it is no workflow or has ended", async () => {
    const id = await sleeping();
    const member = await makePerson(db.sql, { [stage.tenant]: "member" });
    expect(await codeOf(move(id, { to_version: "2" }, member))).toBe("scope_missing");
    expect(await codeOf(move(id, { to_version: "a b" }))).toBe("invalid_request");
    expect(await codeOf(move(id, { to_version: "2", renamed: { mail: 1 } }))).toBe(
      "invalid_request",
    );
    expect(await refusalOf(move(id, { to_version: "2", renamed: { male: "a" } }))).toMatchObject({
      code: "invalid_request",
      message: expect.stringMatching(/"male"/),
    });
    expect(await codeOf(move(id, { to_version: "2", renamed: { mail: "pay" } }))).toBe(
      "invalid_request",
    );
    const job = await stage.start({ job: "plain" });
    expect(await codeOf(move(job, { to_version: "2" }))).toBe("workflow_unknown");
    expect(await codeOf(stage.query(job))).toBe("workflow_unknown");
    await stage.signal(id, "go");
    await stage.drain(began.handlers);
    expect(await codeOf(move(id, { to_version: "2" }))).toBe("job_finished");
  });
});
