/** How the console stays up to date: lost connections, other tenants, and messages between agents. */
import { describe, expect, it } from "vitest";
import { chromiumPath } from "#harness/needs";
import { openArc } from "./board.ts";
import { goTo, local, mayfly, newPage, openAsOwner, problems, setUp, tenant } from "./opened.ts";

const scopes = ["agent:read", "message:read", "message:send"];

describe.skipIf(!chromiumPath)("the live console", () => {
  setUp();

  it("says when it is cut off, and then shows what happened meanwhile", async () => {
    const page = await newPage();
    await openAsOwner(page, "stream");
    await page.waitForSelector(".live >> text=Live");
    await page.context().setOffline(true);
    const { data: agent, error } = await mayfly.spawn({ name: "unseen", lifetime: 600 });
    if (error) throw error;
    await page.waitForSelector(".live >> text=Reconnecting");
    expect(await page.locator(".line >> text=unseen").count()).toBe(0);
    await page.context().setOffline(false);
    await page.waitForSelector(".line >> text=unseen");
    await agent.stop();
    await page.waitForSelector(".live >> text=Live");
    await page.context().close();
  });

  it("reads the past of the log again after a failed read", async () => {
    const { data: agent, error } = await mayfly.spawn({ name: "earlier", lifetime: 600 });
    if (error) throw error;
    const page = await newPage();
    let refused = 0;
    await page.route(/\/rest\/v1\/events\?/, (route) =>
      refused++ < 5 ? route.abort("connectionfailed") : route.continue(),
    );
    await openAsOwner(page, "stream");
    await page.waitForSelector(".line >> text=earlier");
    expect(refused).toBeGreaterThan(5);
    await page.waitForSelector(".live >> text=Live");
    await agent.stop();
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await page.context().close();
  });

  it("says how far it is behind, until it has caught up", async () => {
    const page = await newPage();
    let isHeld = false;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route("**/rpc/read_log", async (route) => {
      const response = await route.fetch();
      const { events } = (await response.json()) as { events: unknown[] };
      // The first answer that contains an event is held back.
      if (isHeld && events.length > 0) await released;
      await route.fulfill({ response });
    });
    await openAsOwner(page, "stream");
    await page.waitForSelector(".live >> text=Live");
    isHeld = true;
    const held = page.waitForResponse("**/rpc/read_log");
    const { data: agent, error } = await mayfly.spawn({ name: "delayed", lifetime: 600 });
    if (error) throw error;
    // The browser's clock moves on by a minute before the answer arrives.
    await page.clock.setSystemTime(Date.now() + 60_000);
    release();
    await held;
    await page.waitForSelector(".live >> text=/Behind 1 min/");
    await page.waitForSelector(".line >> text=delayed");
    // The browser has everything now, so it does not wait for another event.
    await page.waitForSelector(".live >> text=Live");
    await agent.stop();
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await page.context().close();
  });

  it("sorts a line that arrives late by its time", async () => {
    const page = await newPage();
    await openAsOwner(page, "stream");
    await page.waitForSelector(".live >> text=Live");
    await mayfly.spawn({ name: "first", lifetime: 600 });
    await page.waitForSelector(".line >> text=first");
    // This event is committed later, but has an earlier time.
    await local.sql`
      insert into mayfly.events (tenant_id, epoch, type, subject, at)
      select tenant_id, epoch, 'job.redriven', gen_random_uuid(), at - interval '1 millisecond'
      from mayfly.events where tenant_id = ${tenant} and type = 'agent.spawned' order by at desc limit 1`;
    await mayfly.spawn({ name: "second", lifetime: 600 });
    await page.waitForSelector(".line >> text=second");
    const lines = await page.locator(".line").allInnerTexts();
    const place = (text: string) => lines.findIndex((line) => line.includes(text));
    expect(place("job.redriven")).toBe(place("first") - 1);
    expect(place("second")).toBeGreaterThan(place("first"));
    await page.context().close();
  });

  it("opens one socket, whatever pages are looked at", async () => {
    const page = await newPage();
    const sockets: string[] = [];
    page.on("websocket", (socket) => sockets.push(socket.url()));
    await openAsOwner(page, "now");
    await page.waitForSelector(".live >> text=Live");
    for (const path of ["stream", "agents", "jobs", "runs", "channels", "health/doctor"])
      await goTo(page, path);
    await page.waitForSelector(".checks li:is(.tone-green, .tone-amber) >> text=Realtime");
    expect(sockets).toHaveLength(1);
    await page.context().close();
  });

  it("switches between tenants, and keeps the one that is open in the address", async () => {
    const other = await local.enter();
    await other.mayfly.spawn({ name: "elsewhere", lifetime: 600 });
    const page = await newPage();
    await openAsOwner(page, "agents");
    await page.getByLabel("Tenant").selectOption(other.tenant);
    await page.waitForSelector(".board-names >> text=elsewhere");
    expect(page.url()).toContain(other.tenant);
    await page.reload();
    await page.waitForSelector(".board-names >> text=elsewhere");
    await other.mayfly.close();
    await page.context().close();
  });

  it("follows an address of another tenant, and shows nothing of a tenant that is not the person's", async () => {
    const other = await local.enter();
    await other.mayfly.spawn({ name: "next door", lifetime: 600 });
    const page = await newPage();
    await openAsOwner(page, "agents");
    const go = (id: string) =>
      page.evaluate((hash) => {
        globalThis.location.hash = hash;
      }, `#/${id}/agents`);
    await go(other.tenant);
    await page.waitForSelector("main td >> text=next door");
    await page.goBack();
    await page.waitForSelector("main td >> text=next door", { state: "detached" });
    await expect.poll(() => page.getByLabel("Tenant").inputValue()).toBe(tenant);
    await go("0198f0c2-0000-7000-8000-000000000000");
    await page.waitForSelector(".notice >> text=You are not a member of the tenant");
    await expect.poll(() => page.url()).toContain(`${tenant}/now`);
    await other.mayfly.close();
    await page.context().close();
  });

  it("draws a message as an arc, and shows what it says", async () => {
    const spawn = async (name: string) => {
      const { data, error } = await mayfly.spawn({ name, lifetime: 600, scopes });
      if (error) throw error;
      return data;
    };
    const [sender, reader] = [await spawn("sender"), await spawn("reader")];
    const page = await newPage();
    await openAsOwner(page, "now");
    await page.waitForSelector(".board-names >> text=reader");
    await sender.send(reader.id, "query", { question: "Which port?" });
    await openArc(page, "reader", { tip: "sender → reader", kind: "query" });
    await page.waitForSelector(".details .json >> text=Which port?");
    await goTo(page, "agents");
    await page.context().close();
  });

  it("broke no rule of its content security policy, and threw no error", () => {
    expect(problems).toEqual([]);
  });
});
