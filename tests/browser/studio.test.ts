import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, type TestBrowser } from "#harness/browser";
import { startTestLocal, type TestLocal } from "#harness/local";
import { chromiumPath } from "#harness/needs";

describe.skipIf(!chromiumPath)("Studio in a browser", () => {
  let local: TestLocal;
  let browser: TestBrowser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    local = await startTestLocal({ embedded: true });
    const { mayfly } = await local.enter();
    const agent = await mayfly.spawn({ name: "seen" });
    if (agent.error) throw agent.error;
    await local.sql.unsafe(`
      create table public.plain (id int primary key, note text);
      insert into public.plain values (1, 'one'), (2, 'two');
      grant select on public.plain to service_role;
    `);
    browser = await openBrowser();
    page = await browser.newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("response", (answer) => {
      if (answer.status() >= 400) problems.push(`${answer.status()} ${answer.url()}`);
    });
  });
  afterAll(async () => {
    await browser?.close();
    await local?.close();
  });

  /** The text at the bottom of the page, when it says how many rows there are. */
  const shows = (rows: number) =>
    page.getByText(rows === 0 ? "0-0 of 0" : `1-${Math.min(rows, 25)} of ${rows}`, { exact: true });

  it("shows the rows of every table of every schema", async () => {
    await page.goto(local.studioUrl);
    const tables = await local.sql<{ schema: string; name: string; rows: number }[]>`
      select schemaname as schema, tablename as name,
        (xpath('//n/text()', query_to_xml(
          format('select count(*) as n from %I.%I', schemaname, tablename), false, true, ''
        )))[1]::text::int as rows
      from pg_tables where schemaname in ('public', 'mayfly') order by 1, 2`;
    expect(tables.filter(({ rows }) => rows > 0).length).toBeGreaterThan(4);
    let open = "";
    for (const { schema, name, rows } of tables) {
      const path = `/editor/${schema}.${name}`;
      const answered = page.waitForResponse(
        (answer) => new URL(answer.url()).pathname === `/rest/v1/${name}`,
      );
      // Each schema is opened once. Within a schema, a click is much faster than a new page.
      if (schema === open) await page.locator(`a[href="${path}"]`).click();
      else await page.goto(`${local.apiUrl}${path}`);
      open = schema;
      await answered;
      await page.locator(`a[aria-current="true"][href="${path}"]`).waitFor();
      await shows(Math.min(rows, 1000)).waitFor();
    }
    expect(problems).toEqual([]);
  });

  it("opens on a table of the first schema that has tables, and switches schemas with its menu", async () => {
    await local.sql`drop table public.plain`;
    await page.goto(local.studioUrl);
    await page.getByTestId("schema-selector").getByText("mayfly").waitFor();
    await page.locator('a[href="/editor/mayfly.agents"]').click();
    await page.getByText("seen", { exact: true }).first().waitFor();
    await page.goto(local.apiUrl);
    await page.getByTestId("schema-selector").getByText("mayfly").waitFor();
  });

  it("shows only controls that work, and no other page", async () => {
    await page.goto(local.studioUrl);
    await page.getByTestId("schema-selector").waitFor();
    const idle = await page
      .locator('header button, [data-sidebar="menu-button"], [name="filter-search"]')
      .evaluateAll((all) =>
        all
          .filter((each) => (each as HTMLElement).offsetParent !== null)
          .map((each) => each.textContent),
      );
    expect(idle).toEqual(["Table Editor"]);
    for (const path of ["/auth/users", "/auth", "/database", "/storage"])
      expect((await fetch(local.apiUrl + path, { headers: { accept: "text/html" } })).status).toBe(
        404,
      );
  });

  it("says that it cannot change a row whose key is not a single id", async () => {
    const answer = await page.evaluate(async () => {
      const response = await fetch("/rest/v1/agents?tenant_id=eq.x", {
        method: "PATCH",
        headers: { "content-type": "application/json", "content-profile": "mayfly" },
        body: "{}",
      });
      return { status: response.status, body: await response.json() };
    });
    expect(answer).toMatchObject({ status: 400, body: { code: "PGRSTX02" } });
  });
});
