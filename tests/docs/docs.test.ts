import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { allPages, root } from "./pages.ts";
import { blocksOf, claimsOf, plain, programOf } from "./programs.ts";

const docs = join(root, "docs");
const pages = (await readdir(docs)).filter((file) => file.endsWith(".md"));
const texts = new Map<string, string>();
for (const page of pages) texts.set(page, await readFile(join(docs, page), "utf8"));

let local: TestLocal;
let folder: string;
beforeAll(async () => {
  local = await startTestLocal();
  // The folder is in the repository, so that the repository's packages are found.
  folder = await mkdtemp(join(root, "tests/docs/.run-"));
});
afterAll(async () => {
  await local?.close();
  if (folder) await rm(folder, { recursive: true });
});

describe("the code in the documents", () => {
  const programs = [...texts].flatMap(([page, text]) => {
    const program = programOf(text);
    return program ? [{ page, program, claims: claimsOf(text) }] : [];
  });

  it.each(programs)("of $page runs as it is written", async ({ page, program, claims }) => {
    const { tenant, mayfly } = await local.enter();
    await mayfly.close();
    const file = join(folder, page.replace(/\.md$/, ".ts"));
    await writeFile(file, program);
    const env = {
      ...process.env,
      MAYFLY_URL: local.apiUrl,
      MAYFLY_DATABASE_URL: local.dbUrl,
      MAYFLY_KEY: local.secretKey,
      MAYFLY_PUBLISHABLE_KEY: local.publishableKey,
      MAYFLY_TENANT: tenant,
    };
    const ran = await promisify(execFile)(process.execPath, [file], { env, cwd: folder }).catch(
      (error: { stderr?: string }) => ({ stdout: "", stderr: `it failed: ${error.stderr}` }),
    );
    expect(ran.stderr).toBe("");
    const printed = plain(ran.stdout);
    expect(claims.filter((claim) => !claim.test(printed))).toEqual([]);
  });

  const queries = [...texts].flatMap(([page, text]) =>
    blocksOf(text, "sql").map((query) => ({ page, query })),
  );

  it.runIf(queries.length > 0).each(queries)("of $page runs in SQL: $query", async ({ query }) => {
    await local.sql
      .begin(async (session) => {
        await session.unsafe(query);
        throw new RangeError("rolled back");
      })
      .catch((error: unknown) => {
        if (!(error instanceof RangeError)) throw error;
      });
  });
});

describe("the documents", () => {
  it("have no broken links", async () => {
    const files = ["llms.txt", ...allPages];
    const broken: string[] = [];
    for (const file of files) {
      const text = await readFile(join(root, file), "utf8");
      for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
        const [path, anchor] = target.split("#");
        const to = path ? join(root, dirname(file), path) : join(root, file);
        if (!(await isThere(to, anchor))) broken.push(`${file}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });
});

/** Whether a file or folder exists, and whether it has a heading with this anchor. */
async function isThere(path: string, anchor: string | undefined): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (!found || !anchor) return found !== null;
  const headings = [...(await readFile(path, "utf8")).matchAll(/^#+ (.+)$/gm)];
  return headings.some(([, heading = ""]) => anchorOf(heading) === anchor);
}

/** Makes anchors in the way that GitHub does. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 _-]/g, "")
    .replaceAll(" ", "-");
