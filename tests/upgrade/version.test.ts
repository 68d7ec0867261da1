/** Edge functions say their release, and the database refuses those that it does not serve. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { inTenant, makeAgent, refusalOf, renew, rpc, serviceRole } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";

const releases = JSON.parse(
  await readFile(join(import.meta.dirname, "../../sql/releases.json"), "utf8"),
) as { released: { version: string }[]; next: { version: string } };
const installed = releases.next.version;
const serves = releases.released.at(-1)?.version ?? installed;

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal({ embedded: true });
  ({ mayfly, tenant } = await local.enter());
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
});

/** The release of the database, as its functions see it. */
const become = (release: object) =>
  local.sql.unsafe(`create or replace function mayfly_private.release() returns jsonb
    language sql immutable parallel safe set search_path = '' return '${JSON.stringify(release)}'::jsonb`);

describe("a database", () => {
  const from = (functions: string) =>
    rpc(
      local.sql,
      serviceRole,
      "usage",
      {},
      { ...inTenant(tenant), "x-mayfly-functions": functions },
    );
  const upper = installed.replace(/\d+$/, "77");

  it.each([installed, upper, serves])("serves functions of %s", async (version) => {
    expect(await from(version)).toMatchObject({ memories: 0 });
  });

  it.each(["0.0.9", "999.0.0", `0.${Number(installed.split(".")[1]) + 1}.0`, "", "x", "0.2"])(
    "refuses functions of '%s'",
    async (version) => {
      expect(await refusalOf(from(version))).toMatchObject({
        code: "version_unsupported",
        details: { installed, serves },
        hint: expect.stringContaining(/^[1-9]|^0\.[3-9]/.test(version) ? "db push" : "deploy"),
      });
    },
  );

  it("serves callers other than functions, and functions of 0.1.0, which send no version", async () => {
    expect(await rpc(local.sql, serviceRole, "usage", {}, inTenant(tenant))).toMatchObject({
      memories: 0,
    });
    const { renewalSecret } = await makeAgent(local.sql, tenant);
    expect(await renew(local.sql, renewalSecret)).toHaveProperty("claims");
  });

  it("tells the secret key which release it has", async () => {
    const { release } = await rpc(local.sql, serviceRole, "installation");
    expect(release).toEqual({ installed, serves });
  });
});

it("today's functions tell the SDK if the database is older, or two releases newer", async () => {
  const agent = await spawnIn(mayfly, { lifetime: 300 });
  const answers = async () =>
    Promise.all([
      mayfly.spawn(),
      agent.renew(),
      agent.sync(),
      agent.recall("anything"),
      mayfly.agents.stop(agent.id),
    ]);
  dataOf(await agent.remember({ task: "waits" }));
  try {
    for (const release of [
      { installed: "0.1.0", serves: "0.1.0" },
      { installed: "9.2.0", serves: "9.1.0" },
    ]) {
      await become(release);
      expect((await answers()).map(({ error }) => error?.code)).toEqual(
        Array(5).fill("version_unsupported"),
      );
    }
  } finally {
    await become({ installed, serves });
  }
  // Nothing was lost in the meantime.
  expect(dataOf(await agent.sync())).toMatchObject({ pushed: 1, rejected: 0 });
  await agent.stop();
});
