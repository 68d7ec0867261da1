/** `state.update` from many callers at once, which needs a Postgres with many sessions. */
import { Mayfly } from "@mayfly/sdk";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { databaseUrl } from "#harness/needs";

describe.skipIf(!databaseUrl)("80 callers that update one state at once", () => {
  const name = `mayfly_update_${process.pid}`;
  const admin = postgres(databaseUrl ?? "", { max: 1, onnotice: () => {} });
  let local: TestLocal;
  beforeAll(async () => {
    await admin.unsafe(`create database ${name}`);
    const url = new URL(databaseUrl ?? "");
    url.pathname = `/${name}`;
    local = await startTestLocal({ dbUrl: url.href });
  });
  afterAll(async () => {
    await local?.close();
    await admin.unsafe(`drop database if exists ${name} with (force)`);
    await admin.end();
  });

  it("all succeed, each exactly once, and so do increments afterwards", async () => {
    const { tenant } = await local.enter();
    const callers = Array.from(
      { length: 80 },
      () => new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant }),
    );
    let runs = 0;
    const updates = await Promise.all(
      callers.map((mayfly) =>
        mayfly.state.update<number>("n", (n = 0) => {
          runs++;
          return n + 1;
        }),
      ),
    );
    expect(updates.map(({ error }) => error?.code)).toEqual(Array(80).fill(undefined));
    const [first] = callers;
    expect(dataOf((await first?.state.get("n")) as never)).toMatchObject({
      value: 80,
      version: 80,
    });
    // If there was no conflict, the calls did not race, and the test has shown nothing.
    expect(runs).toBeGreaterThan(80);
    const counted = await Promise.all(callers.map((mayfly) => mayfly.state.increment("n")));
    expect(counted.map(dataOf).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 80 }, (_, n) => 81 + n),
    );
    await Promise.all(callers.map((mayfly) => mayfly.close()));
  });
});
