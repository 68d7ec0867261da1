import { type Agent, type HeldJob, type Mayfly, workflow } from "@mayfly/sdk";
import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
let agent: Agent;

beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  ({ tenant, mayfly } = await local.enter());
  agent = dataOf(await mayfly.spawn());
  return () => mayfly.close();
});

const filesOf = async (of = tenant) => {
  const rows = await local.sql`select name from storage.objects where starts_with(name, ${of})`;
  return rows.length;
};
const usedBytes = async () => dataOf(await mayfly.tenants.usage()).bytes;

describe("an artifact", () => {
  it("is stored as the next version of its name, and read with its content", async () => {
    const first = dataOf(await agent.artifacts.put("report.md", "one", { metadata: { page: 1 } }));
    expect(first).toMatchObject({
      ...{ name: "report.md", version: 1, mediaType: "text/plain", size: 3, createdBy: agent.id },
      metadata: { page: 1 },
    });
    const bytes = new Uint8Array([0, 255]);
    const second = dataOf(await agent.artifacts.put("report.md", bytes));
    expect(second).toMatchObject({ version: 2, mediaType: "application/octet-stream" });
    const newest = dataOf(await mayfly.artifacts.get("report.md"));
    expect(new Uint8Array(await newest.data.arrayBuffer())).toEqual(bytes);
    const older = dataOf(await mayfly.artifacts.get("report.md", { version: 1 }));
    expect(await older.data.text()).toBe("one");
    expect(await dataOf(await mayfly.artifacts.open(first.id)).data.text()).toBe("one");
    await mayfly.artifacts.put("a.txt", "a");
    const listed = dataOf(await agent.artifacts.list());
    expect(listed.map(({ name, version }) => [name, version])).toEqual([
      ["a.txt", 1],
      ["report.md", 2],
    ]);
    const [after] = listed;
    if (!after) throw new Error("Nothing is listed.");
    expect(dataOf(await agent.artifacts.list({ after })).map(({ name }) => name)).toEqual([
      "report.md",
    ]);
    const versions = dataOf(await agent.artifacts.versions("report.md"));
    expect(versions.map(({ version }) => version)).toEqual([2, 1]);
    const url = dataOf(await agent.artifacts.url("report.md", { version: 1 }));
    expect(await (await fetch(url)).text()).toBe("one");
    expect((await agent.artifacts.get("none")).error).toMatchObject({ code: "artifact_unknown" });
  });

  it("of a team is found only through the team", async () => {
    const team = crypto.randomUUID();
    dataOf(await agent.artifacts.of(team).put("plan", "of the team"));
    expect((await agent.artifacts.get("plan")).error?.code).toBe("artifact_unknown");
    expect(dataOf(await mayfly.artifacts.of(team).list())).toMatchObject([{ name: "plan", team }]);
  });

  it("gets one version for each concurrent write", async () => {
    const puts = Array.from({ length: 6 }, (_, n) => agent.artifacts.put("busy", String(n)));
    const versions = (await Promise.all(puts)).map((put) => dataOf(put).version);
    expect(versions.sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("counts towards the quota until it is removed with its files", async () => {
    const before = await usedBytes();
    dataOf(await agent.artifacts.put("large", "x".repeat(5_000)));
    dataOf(await agent.artifacts.put("large", "y".repeat(5_000)));
    expect(await usedBytes()).toBeGreaterThan(before + 10_000);
    expect(dataOf(await agent.artifacts.remove("large", { version: 1 }))).toBe(1);
    expect(dataOf(await agent.artifacts.remove("large"))).toBe(1);
    expect([await usedBytes(), await filesOf()]).toEqual([before, 0]);
    dataOf(await mayfly.tenants.setQuotas({ maxBytes: before + 1_000 }));
    const refused = await agent.artifacts.put("large", "x".repeat(5_000));
    expect(refused.error).toMatchObject({ code: "quota_exceeded", details: { quota: "bytes" } });
    expect(await filesOf()).toBe(0);
  });

  it("appears only when its file is complete, and an unfinished upload is dropped", async () => {
    const file = { name: "half", media_type: "text/plain", size: 9, sha256: "0".repeat(64) };
    const { data } = await agent.client.rpc("begin_artifact", file);
    const { id, path } = data as unknown as { id: string; path: string };
    expect(dataOf(await agent.artifacts.list())).toEqual([]);
    const stranger = dataOf(await mayfly.spawn());
    const foreign = await stranger.client.storage.from("mayfly").upload(path, "x");
    expect(foreign.error).toMatchObject({ code: "AccessDenied" });
    expect((await agent.client.storage.from("mayfly").upload(path, "short")).error).toBeNull();
    const { error } = await agent.client.rpc("finish_artifact", { id });
    expect(error).toMatchObject({ code: "artifact_incomplete" });
    await local.advance("2 hours");
    dataOf(await mayfly.tenants.maintain());
    expect(await filesOf()).toBe(1);
    expect(dataOf(await mayfly.artifacts.sweep())).toBe(1);
    expect(await filesOf()).toBe(0);
  });

  it("is refused if Storage returns different content", async () => {
    const { path } = dataOf(await agent.artifacts.put("report.md", "as it was"));
    const admin = mayfly.client.storage.from("mayfly");
    expect((await admin.update(path, "as it is now")).error).toBeNull();
    expect((await agent.artifacts.get("report.md")).error?.code).toBe("artifact_damaged");
  });
});

describe("the files", () => {
  it("can be read, written and deleted only through artifacts", async () => {
    const { path } = dataOf(await agent.artifacts.put("secret", "of ours"));
    const { mayfly: theirs } = await local.enter();
    const stranger = dataOf(await theirs.spawn());
    const reader = dataOf(await mayfly.spawn({ scopes: ["memory:read"] }));
    for (const other of [stranger, reader]) {
      const files = other.client.storage.from("mayfly");
      expect((await files.download(path)).error).toMatchObject({ status: 400 });
      expect((await files.list(tenant)).data).toEqual([]);
      expect((await files.remove([path])).data).toEqual([]);
    }
    const own = agent.client.storage.from("mayfly");
    expect((await own.remove([path])).data).toEqual([]);
    expect((await own.upload(path, "other", { upsert: true })).error).not.toBeNull();
    expect((await own.upload(`${tenant}/${crypto.randomUUID()}`, "x")).error).not.toBeNull();
    expect(await dataOf(await agent.artifacts.get("secret")).data.text()).toBe("of ours");
    await theirs.close();
  });

  it("are erased with the tenant, and named in its export", async () => {
    dataOf(await agent.artifacts.put("kept", "until the end"));
    const lines = await new Response(dataOf(await mayfly.tenants.export())).text();
    expect(lines).toContain('"table":"artifacts"');
    const [row] = await local.sql`select name from mayfly.tenants where id = ${tenant}`;
    dataOf(await mayfly.tenants.erase({ name: row?.name }));
    expect(await filesOf()).toBe(0);
    const due =
      await local.sql`select from mayfly_private.files_due where starts_with(path, ${tenant})`;
    expect(due.length).toBe(0);
  });

  it("cannot be stored without Storage, but everything else works", async () => {
    const other = await startTestLocal();
    const sql = postgres(other.dbUrl.replace("//postgres:", "//supabase_admin:"), {
      max: 1,
      onnotice() {},
    });
    await sql`drop schema storage cascade`;
    expect(await sql`select mayfly_private.prepare_storage() as made`).toMatchObject([
      { made: false },
    ]);
    const { mayfly: bare } = await other.enter();
    const refused = await bare.artifacts.put("report.md", "text");
    expect(refused.error).toMatchObject({ code: "not_configured" });
    expect(dataOf(await bare.artifacts.sweep())).toBe(0);
    await bare.close();
    await sql.end();
    await other.close();
  });
});

it.each(["job", "workflow"])(
  "a step's result over 256 KB in a %s becomes an artifact, and the next attempt reads it",
  async (kind) => {
    const whole = { text: "ü".repeat(200_000) };
    const own = dataOf(await agent.artifacts.put("own", "1"));
    const read: unknown[] = [];
    let times = 0;
    const both = async (step: (name: string, work: () => unknown) => Promise<unknown>) => {
      const large = await step("large", () => {
        times++;
        return whole;
      });
      // A reference that a step itself returns is not resolved.
      const ref = await step("own", () => ({ artifact: own.id, size: own.size }));
      read.push(large, ref);
      if (read.length === 2) throw new Error("Once more.");
      return "done";
    };
    const flow = workflow("flow", null, async (ctx) => both((name, work) => ctx.step(name, work)));
    const handlers =
      kind === "job"
        ? { flow: (_: unknown, job: HeldJob) => both((name, work) => job.step(name, work)) }
        : flow.handlers;
    const work = dataOf(await agent.work(handlers));
    const backoff = { base: 0.01 };
    const { id } =
      kind === "job"
        ? dataOf(await mayfly.jobs.add("flow", {}, { backoff }))
        : dataOf(await mayfly.workflows.start(flow, {}, { backoff }));
    const ended = dataOf(await mayfly.jobs.ended(id, { timeoutMs: 20_000 }));
    expect(ended).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(times).toBe(1);
    const ref = { artifact: own.id, size: 1 };
    expect(read).toEqual([whole, ref, whole, ref]);
    const row = ended.steps.find(({ name }) => name === "large")?.result;
    expect(row).toMatchObject({ artifact: expect.any(String), size: 400_011 });
    expect(dataOf(await mayfly.artifacts.resolve(row))).toEqual(whole);
    await work.stop();
  },
);

it("store a result over 256 KB, and the job names it", async () => {
  const result = { text: "x".repeat(300_000) };
  const { id } = dataOf(await mayfly.jobs.add("write"));
  const work = dataOf(await agent.work({ write: () => result }));
  const ended = await vi.waitUntil(async () => {
    const job = dataOf(await mayfly.jobs.get(id));
    return job?.status === "succeeded" && job;
  }, 20_000);
  expect(ended.result).toEqual({
    artifact: expect.any(String),
    size: JSON.stringify(result).length,
  });
  expect(dataOf(await mayfly.artifacts.resolve(ended.result))).toEqual(result);
  expect(dataOf(await mayfly.artifacts.resolve({ small: true }))).toEqual({ small: true });
  await work.stop();
});

it("of a job's large results are deleted with the job, and no others", async () => {
  const work = dataOf(
    await agent.work({
      fall: async (_: unknown, job: HeldJob) => {
        await job.step("large", () => "x".repeat(300_000));
        throw Object.assign(new Error("It fell."), { retryable: false });
      },
    }),
  );
  const [one, other] = dataOf(await mayfly.jobs.add([{ name: "fall" }, { name: "fall" }]));
  for (const job of [one, other])
    dataOf(await mayfly.jobs.ended(job?.id ?? "", { timeoutMs: 20_000 }));
  await work.stop();
  const versions = async (id = "") =>
    dataOf(await mayfly.artifacts.versions(`jobs/${id}/steps`)).length;
  expect([await versions(one?.id), await versions(other?.id)]).toEqual([1, 1]);
  expect(dataOf(await mayfly.jobs.discard({ ids: [one?.id ?? ""] }))).toEqual({ discarded: 1 });
  expect([await versions(one?.id), await versions(other?.id)]).toEqual([0, 1]);
  expect(dataOf(await mayfly.artifacts.sweep())).toBe(1);
});
