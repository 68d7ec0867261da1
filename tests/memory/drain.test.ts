import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { inTenant, rpc, serviceRole } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";
import { putOf, updateOf } from "#harness/operations";

let local: TestLocal;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant } = await local.enter());
});
afterAll(() => local.close());

const post = async (path: string, body: unknown, key = local.secretKey) => {
  const response = await fetch(`${local.apiUrl}/functions/v1/sync${path}`, {
    method: "POST",
    headers: { apikey: key, "x-mayfly-tenant": tenant, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as {
    data: { stored: number; failed: number; waiting: number } | null;
    error: { code: string } | null;
  };
};
const vectorsOf = async (memory: string) => {
  const rows =
    await local.sql`select model from mayfly.memory_vectors where tenant_id = ${tenant} and memory_id = ${memory}`;
  return rows.map((row) => row.model as string);
};

describe("the sync function", () => {
  it("embeds waiting memories only when the project asks for it", async () => {
    const put = putOf();
    await rpc(local.sql, serviceRole, "sync", { push: [put] as never }, inTenant(tenant));
    expect((await post("/drain", {}, local.publishableKey)).error?.code).toBe("not_authorized");
    expect(await vectorsOf(put.memory.id)).toEqual([]);
    expect((await post("/drain", {})).data).toMatchObject({ stored: 1, failed: 0, waiting: 0 });
    expect(await vectorsOf(put.memory.id)).toEqual(["mayfly-dev-hash-384"]);
  });

  it("embeds updated memories again, after it has answered", async () => {
    const put = putOf();
    await post("", { push: [put], limit: 0 });
    const [before] =
      await local.sql`select embedding::text from mayfly.memory_vectors where memory_id = ${put.memory.id}`;
    const update = updateOf(put.memory.id, { task: "entirely other words" });
    expect((await post("", { push: [update], limit: 0 })).error).toBe(null);
    await vi.waitFor(
      async () => {
        const [after] =
          await local.sql`select embedding::text from mayfly.memory_vectors where memory_id = ${put.memory.id}`;
        expect(after).toBeDefined();
        expect(after).not.toEqual(before);
      },
      { timeout: 15_000, interval: 100 },
    );
  });
});
