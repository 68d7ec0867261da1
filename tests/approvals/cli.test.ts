/** `mayfly approvals`, `approve` and `reject`, and what an agent's SDK hears of it. */
import type { Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runCli } from "../cli/run.ts";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly } = await local.enter());
  agent = await spawnIn(mayfly, { lifetime: 300 });
});
afterAll(async () => {
  await mayfly?.close({ stopAgents: true });
  await local?.close();
});
const run = (...given: string[]) =>
  runCli(given, {
    env: { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant },
  });

describe("mayfly approvals", () => {
  it("lists what waits, shows one, approves a changed input and rejects", async () => {
    const inputSchema = { type: "object", properties: { amount: { type: "number", maximum: 50 } } };
    const first = dataOf(
      await agent.approvals.request("Refund?", { amount: 40 }, { inputSchema, category: "money" }),
    );
    const second = dataOf(await agent.approvals.request("Deploy?", { version: "1.4" }));

    const listed = await run("approvals", "--mine");
    expect(listed.out).toMatch(/Refund\? {2}money .*yours to decide/);
    expect((await run("approvals", first.id)).out).toContain('├ input {"amount":40}');
    const tooMuch = await run("approve", first.id, "--input", '{"amount": 60}');
    expect(tooMuch.err).toContain("$.amount must be at most 50");
    expect((await run("approve", first.id, "--input", "{amount}")).err).toContain("is not JSON");
    expect((await run("approve", first.id, "--digest", "00")).err).toContain(
      "has changed since you read it",
    );
    const approved = await run(
      "approve",
      first.id,
      "--input",
      '{"amount": 25}',
      "--reason",
      "Lost.",
    );
    expect(approved.out).toContain("Refund?: approved.");
    expect((await run("reject", second.id, "--reason", "On a Friday")).out).toContain("rejected");
    expect((await run("approvals")).out).toContain("No approval is pending.");
    expect((await run("approvals", second.id)).out).toContain(
      "├ reject by the secret key On a Friday",
    );

    const known = dataOf(await agent.approvals.get<{ amount: number }>(first.id));
    expect(known).toMatchObject({ status: "approved", input: { amount: 25 } });
    expect(known.decidedAt).toBeInstanceOf(Date);
    expect(known.decisions[0]).toMatchObject({ kind: "secret", counts: true, reason: "Lost." });
  });

  it("gives each of many decisions its own answer", async () => {
    const asked = dataOf(await agent.approvals.request("One?"));
    const own = dataOf(await mayfly.approvals.request("Mine?"));
    const answers = dataOf(
      await mayfly.approvals.decide([
        { id: own.id, digest: own.digest, verdict: "approve" },
        { id: asked.id, digest: asked.digest, verdict: "approve" },
      ]),
    );
    expect(answers).toMatchObject([
      { error: { code: "approval_own", details: { field: "id" } } },
      { approval: { id: asked.id, status: "approved" } },
    ]);
  });
});
