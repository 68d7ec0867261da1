/** The pages State, Channels and People. */
import { randomUUID } from "node:crypto";
import type { Agent } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { chromiumPath } from "#harness/needs";
import {
  expectAccessible,
  goTo,
  keepLooks,
  makePerson,
  mayfly,
  newPage,
  openAsOwner,
  problems,
  setUp,
  signIn,
} from "./opened.ts";

const scopes = ["message:read", "message:send", "channel:write", "state:read", "state:write"];

describe.skipIf(!chromiumPath)("the console", () => {
  setUp();
  let ada: Agent;
  let bob: Agent;
  beforeAll(async () => {
    ada = dataOf(await mayfly.spawn({ name: "ada", lifetime: 900, scopes }));
    bob = dataOf(await mayfly.spawn({ name: "bob", lifetime: 900, scopes }));
    for (const step of [1, 2, 3])
      dataOf(await mayfly.state.set("release/plan", { step, done: step > 2, by: { name: "ada" } }));
    dataOf(await ada.state.set("cursor", { page: 12 }));
    dataOf(await ada.channels.create({ name: "findings", description: "What readers found." }));
    for (const one of [ada, bob]) dataOf(await one.channels.subscribe("findings"));
    dataOf(await ada.channels.publish("findings", "info", { text: "I take the first half." }));
    dataOf(await bob.channels.publish("findings", "query", { question: "Which port?" }));
  });

  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };

  it("shows states with their versions and what each changed, and rolls one back", async () => {
    const page = await opened("state");
    await page.waitForSelector(".sides-rows >> text=cursor");
    await page.fill("main input[type=search]", "plan");
    await page.waitForSelector(".sides-rows >> text=cursor", { state: "detached" });
    await page.click(".sides-rows >> text=release/plan");
    await page.waitForSelector(".panel >> text=What version 3 changed");
    await page.waitForSelector(".differences >> text=done");
    await expectAccessible(page);
    await keepLooks(page, "state");
    await page.click(".versions button >> nth=2");
    await page.waitForSelector("h2 >> text=As of version 1");
    // A link includes the version and the search.
    expect(page.url()).toContain("version=1");
    await page.reload();
    await page.waitForSelector("h2 >> text=As of version 1");
    await page.click("main button >> text=Roll back to version 1");
    await page.click(".confirm button.primary");
    await page.waitForSelector(".versions >> text=rollback");
    expect(dataOf(await mayfly.state.get("release/plan"))).toMatchObject({
      version: 4,
      value: { step: 1, done: false },
    });
    await page.context().close();
  });

  it("changes a state, but does not overwrite what somebody else wrote meanwhile", async () => {
    const key = `edited-${randomUUID().slice(0, 8)}`;
    dataOf(await mayfly.state.set(key, { count: 1 }));
    const page = await opened(`state/shared/${key}`);
    await page.click(".sides-head button >> text=Edit");
    await page.fill("dialog textarea", "{ count");
    await page.click("dialog button >> text=Save as version 2");
    await page.waitForSelector("dialog [role=alert] >> text=not JSON");
    dataOf(await bob.state.shared.set(key, { count: 2 }));
    await page.fill("dialog textarea", '{ "count": 7 }');
    await page.click("dialog button.primary");
    await page.waitForSelector("dialog .refusal >> text=version_conflict");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".versions button >> nth=1");
    await page.click(".sides-head button >> text=Edit");
    await page.fill("dialog textarea", '{ "count": 3 }');
    await page.click("dialog button >> text=Save as version 3");
    await page.waitForSelector(".versions >> nth=0 >> text=3");
    expect(dataOf(await mayfly.state.get(key))?.value).toEqual({ count: 3 });
    await page.click(".sides-head button >> text=Delete");
    await page.click(".confirm button.danger");
    await page.waitForSelector("main >> text=It was deleted.");
    await page.context().close();
  });

  it("shows a channel as a live conversation, and lets a person join in", async () => {
    const page = await opened("channels");
    await page.click(".sides-rows >> text=findings");
    await page.waitForSelector(".turn >> text=I take the first half.");
    await page.waitForSelector(".turn >> text=Which port?");
    await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }));
    dataOf(await ada.channels.publish("findings", "info", { text: "It is 5432." }));
    await page.waitForSelector(".turn >> text=It is 5432.");
    await page.waitForSelector(".composer-closed >> text=Subscribe to join in.");
    await page.click(".sides-head button >> text=Subscribe");
    await page.fill(".composer textarea", "Thank you both.");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".turn >> text=Thank you both.");
    expect(await page.evaluate(() => "notReloaded" in globalThis)).toBe(true);
    const { messages } = dataOf(await ada.channels.read("findings"));
    expect(messages.at(-1)).toMatchObject({ senderKind: "person", type: "info" });
    await expectAccessible(page);
    await keepLooks(page, "channel");
    await page.click("main button >> text=New");
    await page.fill("dialog input[name=name]", "findings");
    await page.click("dialog button >> text=Make it");
    await page.waitForSelector("dialog .refusal >> text=channel_exists");
    await page.fill("dialog input[name=name]", "lunch");
    await page.click("dialog button >> text=Make it");
    await page.waitForSelector("h2 >> text=lunch");
    await page.waitForSelector("main >> text=There are no messages yet.");
    await page.context().close();
  });

  it("loads messages that are older than the newest 100", async () => {
    dataOf(await ada.channels.create({ name: "long", kind: "broadcast" }));
    await Promise.all(
      Array.from({ length: 130 }, (_, n) =>
        ada.channels.publish("long", "info", { text: `Line ${n}.` }),
      ),
    );
    const page = await opened("channels/long");
    await page.waitForSelector(".turn-said >> nth=99");
    expect(await page.locator(".turn-said").count()).toBe(100);
    await page.click("button >> text=Load older");
    await page.waitForSelector(".turn-said >> nth=129");
    await page.waitForSelector("button >> text=Load older", { state: "detached" });
    await page.context().close();
  });

  it("invites a person by a link with a role, which can be raised later", async () => {
    const page = await opened("people");
    await page.click("main button >> text=Invite");
    await page.click("dialog button >> text=Make the link");
    const link = (await page.textContent("dialog code")) ?? "";
    await page.click("dialog button >> text=I have kept it");
    await page.waitForSelector("main >> text=whoever has the link");
    await expectAccessible(page);
    await keepLooks(page, "people");

    const guest = await newPage();
    const email = `${randomUUID()}@example.com`;
    await guest.goto(link);
    await guest.fill("input[name=email]", email);
    await guest.fill("input[name=password]", "correct horse battery");
    await guest.click("button[data-way=up]");
    await guest.waitForSelector(".shell");
    await goTo(guest, "people");
    await guest.waitForSelector("td >> text=you");
    expect(await guest.locator("main .page-head button, td button, td select").count()).toBe(0);
    expect(await guest.locator("main h2").allInnerTexts()).toEqual(["Members", "Roles"]);

    // The page updates without a reload.
    const role = page.getByLabel(`Role of ${email}`);
    await role.selectOption("admin");
    await page.waitForSelector(`.notice >> text=${email} is admin now`);
    await page.waitForSelector("main >> text=Nobody is invited.");
    await Promise.all([page, guest].map((one) => one.context().close()));
  });

  it("makes a key for a machine, shows it once, and revokes it", async () => {
    const page = await opened("people");
    await page.click("main button >> text=New key");
    await page.fill("dialog input[name=name]", "ci");
    await page.waitForSelector("dialog .check >> text=memory:read");
    await page.click("dialog button >> text=Make the key");
    const key = (await page.textContent("dialog .once code")) ?? "";
    expect(key).toMatch(/^mfk_/);
    await page.click("dialog button >> text=I have kept it");
    await page.waitForSelector("td >> text=ready");
    expect(await page.locator("main").textContent()).not.toContain(key);
    await page.click("td button >> text=Revoke");
    await page.click("td .confirm button.danger");
    await page.waitForSelector("td >> text=stopped");
    expect(dataOf(await mayfly.keys.list())[0]?.revokedAt).not.toBeNull();
    await page.context().close();
  });

  it("shows a viewer states and channels, and no button that would be refused", async () => {
    const page = await newPage();
    await signIn(page, await makePerson("viewer"));
    await goTo(page, "state/shared/release%2Fplan?version=1");
    await page.waitForSelector("h2 >> text=As of version 1");
    const buttonsOf = () => page.locator("main button:not(.json-row)").allInnerTexts();
    const versions = /^\d+\s/;
    const own = (await buttonsOf())
      .map((text) => text.trim())
      .filter((text) => !versions.test(text));
    expect(own).toEqual(["JSON"]);
    await goTo(page, "channels/findings");
    await page.waitForSelector("main >> text=You have not subscribed to this channel.");
    await page.click(".conversation button >> text=Subscribe");
    await page.waitForSelector(".turn >> text=I take the first half.");
    expect(await page.locator(".composer").count()).toBe(0);
    expect(await buttonsOf()).toEqual(["Unsubscribe"]);
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
