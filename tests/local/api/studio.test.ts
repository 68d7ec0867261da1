import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProject, type Project } from "./harness.ts";

const sql = `
  create table closed (id int primary key);
  insert into closed values (1);
  alter table closed enable row level security;
`;

let project: Project;
beforeAll(async () => {
  project = await openProject(sql);
});
afterAll(() => project.close());

const get = (path: string, headers: Record<string, string> = {}, origin = project.url) =>
  project.api.fetch(new Request(origin + path, { headers }));
const open = async () => {
  const answer = await project.api.fetch(new Request(project.api.studioUrl()));
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
};

describe("Studio", () => {
  it("reads with the secret key from its own pages when it is opened by its address", async () => {
    const cookie = await open();
    const own = { cookie, "sec-fetch-site": "same-origin", "user-agent": "Mozilla/5.0" };
    expect(await (await get("/rest/v1/closed?select=*", own)).json()).toEqual([{ id: 1 }]);
    expect(
      await (await get("/editor/mayfly.things", { ...own, accept: "text/html" })).text(),
    ).toContain("/static/");
    const info = await (await get("/_system/info", own)).text();
    expect(info).toContain('"admin":true');
    expect(info).not.toMatch(/postgres(ql)?:\/\//);
  });

  it("refuses a request without its cookie, from another origin, or to another host", async () => {
    const cookie = await open();
    const own = { cookie, "sec-fetch-site": "same-origin" };
    const path = "/rest/v1/closed?select=*";
    expect((await get(path)).status).toBe(401);
    expect((await get(path, { cookie })).status).toBe(401);
    expect((await get(path, { ...own, cookie: "mayfly_studio=x" })).status).toBe(401);
    expect((await get(path, { ...own, "sec-fetch-site": "same-site" })).status).toBe(401);
    expect((await get(path, own, "http://example.com")).status).toBe(401);
    expect((await get("/_system/info", { cookie })).status).toBe(404);
    expect((await get("/_system/introspect")).status).toBe(404);
    expect((await get("/_studio?token=wrong")).status).toBe(403);
  });

  it("does not change requests with a key", async () => {
    const cookie = await open();
    const answer = await get("/rest/v1/closed?select=*", {
      cookie,
      "sec-fetch-site": "same-origin",
      apikey: project.keys.publishableKey,
    });
    expect(await answer.json()).toEqual([]);
  });
});
