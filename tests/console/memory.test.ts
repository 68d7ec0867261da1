/** Memories are recalled, explained, changed and forgotten, and their conflicts resolved. */
import type { Agent } from "@mayfly/sdk";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { chromiumPath } from "#harness/needs";
import {
  expectAccessible,
  expectNoSidewaysScroll,
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

const conversationId = crypto.randomUUID();
const memories = [
  {
    ...{ task: "Rotate the signing key", input: "The key is a year old.", reward: 0.9 },
    output: "Import the new key, wait until it is in the JWKS everywhere, then rotate.",
    ...{ critique: "Waiting was forgotten at first.", importance: 8, tags: ["keys", "security"] },
  },
  {
    ...{ kind: "learning", task: "Change a signing key without downtime", reward: 0.7 },
    ...{ output: "Serve both keys for an hour.", tags: ["keys"] },
  },
  {
    kind: "learning",
    output: "Caches keep a key for ten minutes, so rotate it and wait.",
    tags: ["keys", "caches"],
  },
  {
    kind: "learning",
    output: "Caches keep a key for ten minutes, so rotate it and wait!",
    tags: ["keys", "caches"],
  },
  { kind: "fact", key: "port", task: "Port of the database", output: "5432" },
  { task: "Write the report of Q3", output: "It rained.", reward: 0.2, tags: ["report"] },
  { task: "Write the report of Q2", output: "It was dry.", reward: 0.6, tags: ["report"] },
  { kind: "conversation", conversationId, input: "Which port?", output: "5432." },
  { kind: "conversation", conversationId, input: "And the user?", output: "postgres." },
] as const;

describe.skipIf(!chromiumPath)("the console", () => {
  setUp();
  let ada: Agent;
  let rotate = "";
  beforeAll(async () => {
    const spawned = await mayfly.spawn({ name: "ada", type: "keeper", lifetime: 900 });
    if (spawned.error) throw spawned.error;
    ada = spawned.data;
    const { data, error } = await ada.remember(memories.map((one) => ({ ...one }) as never));
    if (error) throw error;
    rotate = (data as unknown as { id: string }[])[0]?.id ?? "";
    await ada.sync();
  });
  const opened = async (path: string): Promise<Page> => {
    const page = await newPage();
    await openAsOwner(page, path);
    return page;
  };

  it("answers a question, and explains each result", async () => {
    const page = await opened("memory");
    await page.waitForSelector("main td >> text=And the user?");
    await keepLooks(page, "memories");
    await page.fill("main input[type=search]", "how do we change signing keys?");
    await page.waitForSelector(".hit >> text=Rotate the signing key");
    await page.waitForSelector(".hit .why >> text=Meaning");
    await page.waitForSelector("main .panel >> text=among 9 memories");
    await page.waitForSelector(".asked-words >> text=sign");
    await expectAccessible(page);
    await keepLooks(page, "recall");
    await expectNoSidewaysScroll(page);
    await page.getByLabel("Kind").selectOption("learning");
    await page.waitForSelector(".hit >> text=Rotate the signing key", { state: "detached" });
    // The question and the filter are in the address, and a reload keeps them.
    await page.reload();
    await page.waitForSelector(".hit >> text=Change a signing key");
    expect(await page.inputValue("main input[type=search]")).toBe("how do we change signing keys?");
    await page.fill("main input[type=search]", "how long do caches keep a key");
    await page.waitForSelector(".hit >> text=1 memory says nearly the same");
    await page.context().close();
  });

  it("shows a memory that somebody else has just remembered, edits it, and forgets it", async () => {
    const page = await opened("memory");
    await page.waitForSelector("main td");
    await ada.remember({ task: "Seen just now", output: "A draft." });
    await ada.sync();
    await page.click("main td >> text=Seen just now");
    await page.click("main .actions >> text=Edit");
    await page.fill("dialog input[name=reward]", "0.75");
    await page.fill("dialog textarea[name=output]", "The final text.");
    await page.fill("dialog input[name=tags]", "one, two");
    await page.click("dialog button[type=submit]");
    await page.waitForSelector(".memory-texts >> text=The final text.");
    await page.waitForSelector("main .facts >> text=0.75");
    const id = page.url().split("/").at(-1) ?? "";
    expect((await mayfly.memory.get(id)).data).toMatchObject({
      output: "The final text.",
      reward: 0.75,
      tags: ["one", "two"],
    });
    await page.click("main .actions >> text=Forget");
    await page.click(".confirm button.danger");
    await page.waitForSelector("main h1 >> text=Memory");
    expect((await mayfly.memory.get(id)).data).toBeNull();
    await page.context().close();
  });

  it("shows similar memories, and resolves a conflict", async () => {
    await mayfly.memory.update(rotate, { set: { importance: 10 } });
    await ada.memory.update(rotate, {
      set: { importance: 3 },
      base: { importance: 8 },
      resolve: "manual",
    });
    await ada.sync();
    const page = await opened(`memory/${rotate}`);
    await page.waitForSelector("h1 >> text=Rotate the signing key");
    await page.waitForSelector(".similar >> text=Change a signing key");
    await page.waitForSelector(".conflict >> text=wanted to change importance");
    await expectAccessible(page);
    await keepLooks(page, "memory");
    await expectNoSidewaysScroll(page);
    await goTo(page, "memory/conflicts");
    await page.waitForSelector(".tabs .count >> text=1");
    await page.waitForSelector(".conflict-value >> text=10");
    await page.click(".conflict >> text=Take the proposed value");
    await page.waitForSelector("main >> text=There are no conflicts.");
    expect((await mayfly.memory.get(rotate)).data?.importance).toBe(3);
    await page.context().close();
  });

  it("shows the growth, kinds, authors and topics of the memories", async () => {
    const page = await opened("memory/growth");
    await page.waitForSelector(".figure >> text=Memories");
    await page.waitForSelector("main .bar >> text=learning");
    await page.waitForSelector("main .bar >> text=ada");
    await page.waitForSelector(".topics >> text=report");
    await page.waitForSelector("main .chart canvas");
    await expectAccessible(page);
    await keepLooks(page, "growth");
    await expectNoSidewaysScroll(page);
    await page.context().close();
  });

  it("says in the stream which memories were stored before the page was opened", async () => {
    const page = await opened("stream?kinds=memory");
    await page.waitForSelector(".line-text >> text=Port of the database");
    // A turn of a conversation has no task.
    await page.waitForSelector(".line-text >> text=And the user?");
    await page.context().close();
  });

  it("shows a viewer no button that would be refused", async () => {
    const page = await newPage();
    await signIn(page, await makePerson("viewer"));
    await goTo(page, "memory");
    await page.waitForSelector("main td >> text=Rotate the signing key");
    expect(await page.locator(".page-head button").count()).toBe(0);
    await goTo(page, `memory/${rotate}`);
    await page.waitForSelector(".similar li");
    expect(await page.locator(".page-head button").allInnerTexts()).toEqual(["Id"]);
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
