/**
 * `mayfly approvals`, `approve` and `reject`, and how people and agents are notified: by a webhook, and in their
 * inboxes.
 */
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type Agent, type Mayfly, webhook } from "@mayfly/sdk";
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
  it("lists open approvals, shows one, approves a changed input and rejects", async () => {
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

  it("answers each of many decisions separately", async () => {
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

describe("a decider is notified", () => {
  it("by a signed webhook, which is called with the same key until it answers", async () => {
    const calls: { headers: IncomingMessage["headers"]; text: string }[] = [];
    const answers = [503, 200];
    const server = createServer(async (request, response) => {
      let text = "";
      for await (const part of request) text += part;
      calls.push({ headers: request.headers, text });
      response.writeHead(answers.shift() ?? 404).end("seen");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`;
    await mayfly.approvals.policies.set({ category: "hook", notify: "tell-hook" });
    const told = { "tell-hook": webhook(url, { secret: "s3cret", headers: { "x-mine": "1" } }) };
    const work = dataOf(await agent.work(told, { pollMs: 100, drainOnTermination: false }));
    const jobOf = async (title: string) => {
      const asked = dataOf(await agent.approvals.request(title, { n: 1 }, { category: "hook" }));
      const jobs = dataOf(await mayfly.jobs.list({ name: "tell-hook" }));
      const job = jobs.find(({ key }) => key?.includes(asked.id));
      return dataOf(await mayfly.jobs.ended(job?.id ?? "", { timeoutMs: 30_000 }));
    };
    const done = await jobOf("Deploy?");
    expect(done).toMatchObject({ status: "succeeded", attempt: 2, result: { status: 200 } });
    const [first, second] = calls;
    expect(JSON.parse(second?.text ?? "")).toMatchObject({
      event: "requested",
      approval: { title: "Deploy?" },
    });
    expect(first?.headers["idempotency-key"]).toMatch(/^approval\/.+\/requested$/);
    expect(second?.headers).toMatchObject({
      "x-mine": "1",
      "idempotency-key": first?.headers["idempotency-key"],
    });
    const [, at, mac] =
      /^t=(\d+),v1=(\w+)$/.exec(String(second?.headers["mayfly-signature"])) ?? [];
    expect(mac).toBe(createHmac("sha256", "s3cret").update(`${at}.${second?.text}`).digest("hex"));
    // A webhook that refuses for good is not called again, and the error does not reveal its address.
    const refused = await jobOf("Again?");
    expect(refused).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "webhook_refused" },
    });
    expect(refused.error?.message).not.toContain("secret-path");
    await work.stop();
    server.close();
  });

  it("in the inbox, if the approval names the decider or was delegated to the decider", async () => {
    const scopes = ["approval:read", "approval:decide", "message:read", "message:send"];
    const first = await spawnIn(mayfly, { lifetime: 300, scopes });
    const second = await spawnIn(mayfly, { lifetime: 300, scopes });
    const heard: unknown[] = [];
    const heardBy =
      (who: string) => (message: { type: string; payload: unknown; from?: unknown }) => {
        heard.push([who, message.type, message.payload]);
      };
    first.on("review_request", heardBy("first"));
    second.on("review_request", heardBy("second"));
    const asked = dataOf(
      await agent.approvals.request("Merge?", { n: 1 }, { deciders: [first.id] }),
    );
    await expect.poll(() => heard.length, { timeout: 20_000 }).toBe(1);
    dataOf(await first.approvals.delegate(asked.id, second.id));
    await expect.poll(() => heard.length, { timeout: 20_000 }).toBe(2);
    expect(heard).toMatchObject([
      [
        "first",
        "review_request",
        { subject: "Merge?", approval: asked.id, event: "requested", digest: asked.digest },
      ],
      ["second", "review_request", { approval: asked.id, event: "delegated" }],
    ]);
    expect(dataOf(await second.approvals.approve(asked)).status).toBe("approved");
  });
});
