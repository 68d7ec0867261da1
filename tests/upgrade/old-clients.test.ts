/**
 * An upgrade changes the database first, then the functions, and then the SDK. So the current SQL must serve
 * the functions and the SDK of the previous release. Both are packed in this folder, and run here against the
 * current sql/.
 *
 * A failure here means that a change of SQL or of the functions breaks deployed programs. Keep what these
 * programs use, and add parameters and fields at the end, with defaults. A function that has to go stays in
 * sql/<room>/deprecated/ for one more release (docs/contributing/releasing.md).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Local, startLocal } from "@mayfly/local";
import { applyMigrations } from "@mayfly/local/internal";
import { Mayfly as Today } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "../harness/agents.ts";
import { silent } from "../harness/log.ts";
import { migrationsFolder, readBareTemplate, readTemplate } from "../harness/template.ts";
import { CallsOf, makeOldProject, type OldProject } from "./old-clients.ts";

const version = "0.1.0";

interface OldMayfly {
  spawn(): Promise<{ data: OldAgent }>;
  tenants: { create(tenant: { name: string }): Promise<{ data: { id: string } }> };
  channels: { open(name: string): object };
  close(options?: object): Promise<unknown>;
}
interface OldAgent {
  presence: object;
  debug: object;
  close(): Promise<unknown>;
}
type Chapter = (world: object) => Promise<void>;
interface Chapters {
  chapters: Record<string, Chapter>;
  liveThrough(world: object): Promise<() => Promise<void>>;
}
const load = async <T>(file: string): Promise<T> =>
  (await import(pathToFileURL(join(import.meta.dirname, file)).href)) as T;

const { Mayfly } = await load<{ Mayfly: new (options: object) => OldMayfly }>(`${version}/sdk.js`);
const { chapters, liveThrough } = await load<Chapters>(`chapters-${version}.js`);
const calls = new CallsOf();

describe.each(["old", "new"] as const)(
  `programs with the SDK of ${version} and the %s functions, on the SQL of today,`,
  (functions) => {
    let project: OldProject;
    let local: Local;
    const folders: string[] = [];
    const doors: OldMayfly[] = [];
    beforeAll(async () => {
      project = await makeOldProject(version, functions);
      const { keys } = await readTemplate();
      local = await startLocal({
        template: await readBareTemplate(),
        keys,
        port: 0,
        root: project.root,
        limits: { joinErrorBackoffMs: 50, connectErrorBackoffMs: 50 },
        log: silent,
      });
    });
    afterAll(async () => {
      await Promise.all(doors.map((door) => door.close({ stopAgents: true })));
      await local?.close();
      await project?.remove();
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    });

    /** A new tenant, and ways to reach it. */
    async function enter() {
      const project = { url: local.apiUrl, key: local.secretKey };
      const { data } = await new Mayfly(project).tenants.create({ name: "a tenant" });
      const tenant = data.id;
      const open = (options: object = {}) => {
        const door = new Mayfly({ ...project, tenant, ...options });
        doors.push(door);
        return door;
      };
      return {
        tenant,
        open,
        mayfly: open(),
        folder: async () => {
          const folder = await mkdtemp(join(tmpdir(), "mayfly-outbox-"));
          folders.push(folder);
          return folder;
        },
        person: async () => {
          const client = createClient(local.apiUrl, local.publishableKey, {
            auth: { persistSession: false, autoRefreshToken: false },
          });
          const email = `${crypto.randomUUID()}@example.com`;
          const { data, error } = await client.auth.signUp({ email, password: "correct horse" });
          if (error || !data.user) throw error ?? new Error("no user");
          const key = local.publishableKey;
          return {
            id: data.user.id,
            open: (options: object = {}) => open({ key, client, ...options }),
          };
        },
      };
    }

    it("keep working through the upgrade of their database", async () => {
      const goOn = await liveThrough(await enter());
      await applyMigrations(local.dbUrl, migrationsFolder);
      await told(goOn);
    });

    for (const [title, chapter] of Object.entries(chapters))
      it(`continue: ${title}`, async () => {
        const world = await enter();
        if (calls.all.size === 0) await findMethods(world.mayfly);
        await told(() => chapter(world));
      });

    it("keep what today's SDK pushes in its outbox until the functions are upgraded", async () => {
      const { tenant } = await enter();
      const mayfly = new Today({ url: local.apiUrl, key: local.secretKey, tenant });
      const agent = dataOf(await mayfly.spawn());
      dataOf(await agent.remember({ task: "kept", output: "Kept." }));
      const { data, error } = await agent.sync({ pull: false });
      if (functions === "old") {
        expect(error).toMatchObject({
          code: "version_unsupported",
          details: { functions: version },
        });
        expect([agent.outbox.waiting, agent.outbox.refused]).toEqual([1, []]);
      } else expect(data?.pushed).toBe(1);
      await mayfly.close({ stopAgents: true });
    });
  },
);

it(`the programs call every method that the SDK of ${version} has`, () => {
  expect([...calls.all].filter((label) => !calls.called.has(label))).toEqual([]);
});

async function findMethods(mayfly: OldMayfly) {
  const { data: agent } = await mayfly.spawn();
  calls.watch("mayfly", mayfly);
  for (const [name, part] of Object.entries(mayfly))
    if (name !== "client") calls.watch(`mayfly.${name}`, part as object);
  calls.watch("mayfly.channels", mayfly.channels);
  calls.watch("mayfly.channels.open()", mayfly.channels.open("any"));
  calls.watch("agent", agent);
  calls.watch("agent.presence", agent.presence);
  calls.watch("agent.debug", agent.debug);
  await agent.close();
}

/** A failure explains what it means for the author of a change of SQL. */
async function told(work: () => Promise<void>) {
  try {
    await work();
  } catch (error) {
    const { code, message, hint } = error as { code?: string; message: string; hint?: string };
    throw new Error(
      `Today's SQL no longer serves a program with the SDK of ${version}: ${code ?? ""} ${message} ${hint ?? ""}
The SQL of a release serves the functions and the SDK of the release before it. Keep what they use (see the top of this file).`,
      { cause: error },
    );
  }
}
