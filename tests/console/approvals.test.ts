/** Approvals: deciding them, and what is refused. */
import { type Agent, Mayfly } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import {
  expectAccessible,
  expectNoSidewaysScroll,
  goTo,
  keepLooks,
  local,
  makePerson,
  mayfly,
  newPage,
  openAsOwner,
  problems,
  setUp,
  signIn,
  tenant,
} from "./opened.ts";

describe.skipIf(!chromiumPath)("the console", () => {
  setUp();
  let ada: Agent;
  beforeAll(async () => {
    ada = dataOf(await mayfly.spawn({ name: "ada", type: "worker", lifetime: 900 }));
  });

  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };

  it("decides an approval of exact arguments with a reason, and of changed arguments", async () => {
    const ask = async (title: string, input: object, options = {}) => {
      const { data, error } = await ada.approvals.request(title, input, options);
      if (error) throw error;
      return data;
    };
    const refund = { order: 17, amount: 20, to: { iban: "DE02 1203 0000 0000 2020 51" } };
    const first = await ask("Refund order 17?", refund, { category: "money", expiresIn: "2d" });
    const page = await opened("approvals");
    await page.waitForSelector(".side a >> text=Approvals");
    await page.waitForSelector(".side .count >> text=1");
    // Requested while the page is open.
    const schema = {
      type: "object",
      properties: { version: { type: "string" }, share: { type: "number", maximum: 50 } },
    };
    const second = await ask(
      "Deploy 1.4 to customers?",
      { version: "1.4", share: 50, regions: ["eu-central-1", "us-east-1"] },
      { category: "deploy", inputSchema: schema, confidence: 0.7 },
    );
    await page.waitForSelector(".side .count >> text=2");
    await page.click(".asking-list >> text=Deploy 1.4");
    await page.waitForSelector(".exact >> text=us-east-1");
    await expectAccessible(page);
    await keepLooks(page, "approvals");
    await expectNoSidewaysScroll(page);
    await page.click("text=Change the arguments");
    // The form has a field for each part of the schema. The regions are not in it, and stay as requested.
    const share = page.locator(".decide").getByLabel("share");
    await expect.poll(() => share.inputValue()).toBe("50");
    expect(await page.locator(".decide").getByLabel("regions").count()).toBe(0);
    await share.fill("90");
    await page.click("text=Approve with the change");
    await page.waitForSelector(".decide .form-fault >> text=This must be at most");
    await page.waitForSelector(".decide .warning >> text=1 field of the input must be corrected.");
    await keepLooks(page, "approval-fields");
    await share.fill("10");
    await page.click("text=Approve with the change");
    await page.waitForSelector(".side .count >> text=1");
    expect((await mayfly.approvals.get(second.id)).data).toMatchObject({
      status: "approved",
      input: { version: "1.4", share: 10, regions: ["eu-central-1", "us-east-1"] },
    });
    await page.click(".asking-list >> text=Refund order 17");
    await page.fill(".decide textarea", "The parcel was lost.");
    await page.click(".decide >> text=Reject");
    await page.waitForSelector("main >> text=Nothing waits for you.");
    expect((await mayfly.approvals.get(first.id)).data).toMatchObject({
      status: "rejected",
      decisions: [{ verdict: "reject", reason: "The parcel was lost." }],
    });
    await page.click(".tabs >> text=Decided");
    await page.click(".asking-list >> text=Refund order 17");
    await page.waitForSelector(".decisions >> text=The parcel was lost.");
    await page.context().close();
  });

  it("decides several approvals at once, each by its own arguments", async () => {
    const asked = await Promise.all(
      [1, 2, 3].map((n) => ada.approvals.request(`Delete page ${n}?`, { page: n, of: "wiki" })),
    );
    const ids = asked.map(({ data }) => data?.id ?? "");
    const page = await opened("approvals");
    await page.getByLabel("Pick Delete page 1?").check();
    await page.getByLabel("Pick Delete page 3?").check();
    await page.click("main >> text=Approve them");
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Approve 2 approvals").waitFor();
    expect(await dialog.locator(".exact").count()).toBe(2);
    await expectAccessible(page);
    await keepLooks(page, "approvals-many");
    // One of the two was decided elsewhere in the meantime. The page says so, and decides only the other
    // approval.
    await mayfly.approvals.reject({ id: ids[2] ?? "", digest: asked[2]?.data?.digest ?? "" });
    await dialog.getByLabel("Reason").fill("They are empty.");
    await dialog.getByRole("button", { name: "Approve all 2" }).click();
    await page.waitForSelector(".notice >> text=Approved 1 approval");
    await page.waitForSelector(".notice >> text=Delete page 3?: not decided");
    expect((await mayfly.approvals.get(ids[0] ?? "")).data).toMatchObject({
      status: "approved",
      decisions: [{ reason: "They are empty." }],
    });
    expect((await mayfly.approvals.get(ids[1] ?? "")).data?.status).toBe("pending");
    await mayfly.approvals.cancel(ids[1] ?? "");
    await page.context().close();
  });

  it("offers no decision to the requester, and says that somebody else has decided meanwhile", async () => {
    const member = await makePerson("member");
    const response = await fetch(`${local.apiUrl}/auth/v1/token?grant_type=password`, {
      method: "POST",
      headers: { apikey: local.publishableKey, "content-type": "application/json" },
      body: JSON.stringify(member),
    });
    const session = (await response.json()) as { access_token: string };
    const client = { auth: { getSession: async () => ({ data: { session } }) } };
    const options = { url: local.apiUrl, key: local.publishableKey, tenant, client };
    const own = dataOf(await new Mayfly(options).approvals.request("May I leave?", { at: 5 }));
    const theirs = await newPage();
    await signIn(theirs, member);
    await goTo(theirs, `approvals/${own.id}`);
    await theirs.waitForSelector(".why-not >> text=You requested it, so others decide.");
    expect(await theirs.locator(".decide").count()).toBe(0);
    await theirs.context().close();
    const page = await opened(`approvals/${own.id}`);
    await page.waitForSelector(".decide >> text=Approve");
    await page.route("**/rpc/decide_approval", async (route) => {
      await mayfly.approvals.reject(own);
      await route.continue();
    });
    await page.click(".decide >> text=Approve");
    await page.waitForSelector(".asked >> text=rejected");
    const { decisions } = dataOf(await mayfly.approvals.get(own.id));
    expect(decisions).toMatchObject([{ verdict: "reject", kind: "secret" }]);
    await page.context().close();
  });

  it("delegates an approval to somebody else who may decide", async () => {
    const member = await makePerson("member");
    const { data: asked, error } = await ada.approvals.request("Send the newsletter?", {
      to: 4_120,
    });
    if (error) throw error;
    const page = await opened(`approvals/${asked.id}`);
    await page.click(".decide >> text=Delegate");
    await page.getByLabel("Delegate to").selectOption({ label: member.email });
    await page.click("text=Delegate it");
    await page.waitForSelector("main >> text=You have delegated it.");
    const theirs = await newPage();
    await signIn(theirs, member);
    await goTo(theirs, `approvals/${asked.id}`);
    await theirs.click(".decide >> text=Approve");
    await theirs.waitForSelector(".asked >> text=approved");
    await page.waitForSelector(".asked >> text=approved");
    await Promise.all([page.context().close(), theirs.context().close()]);
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
