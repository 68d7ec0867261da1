/** Programs and functions of today on a database that still has the release before. */
import { type Local, startLocal } from "@mayfly/local";
import { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silent } from "../harness/log.ts";
import { readBareTemplate, readTemplate } from "../harness/template.ts";
import { makeOldProject, type OldProject } from "./old-clients.ts";

let project: OldProject;
let local: Local;
let mayfly: Mayfly;
beforeAll(async () => {
  project = await makeOldProject("0.1.0", "new");
  const { keys } = await readTemplate();
  const template = await readBareTemplate();
  local = await startLocal({ template, keys, port: 0, root: project.root, log: silent });
  const as = { url: local.apiUrl, key: local.secretKey };
  const { data, error } = await new Mayfly(as).tenants.create({ name: "not upgraded" });
  if (error) throw error;
  mayfly = new Mayfly({ ...as, tenant: data.id });
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
  await project?.remove();
});

const older = (missing: string) => ({
  code: "version_unsupported",
  message: expect.stringMatching(/^The database is older than /),
  hint: expect.stringContaining("npx supabase db push"),
  details: expect.objectContaining({ missing: expect.stringContaining(missing) }),
});

describe("a database that is older than the SDK and the functions", () => {
  it.each([
    ["of a function that it does not have", "add_jobs", () => mayfly.jobs.add("work", {})],
    ["to a table that it does not have", "", () => mayfly.runs.list()],
    ["with a parameter that it does not have", "", () => mayfly.memory.recall("anything")],
    ["by an edge function", "", () => mayfly.spawn({ renew: true })],
  ])("answers a call %s with one code and what to do", async (_, missing, call) => {
    const { error } = await call();
    expect(error).toMatchObject(older(missing));
  });
});
