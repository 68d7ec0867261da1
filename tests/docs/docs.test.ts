import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "../harness/local.ts";
import { blocksOf, programOf } from "./programs.ts";

const root = join(import.meta.dirname, "../..");
const docs = join(root, "docs");
const pages = (await readdir(docs)).filter((file) => file.endsWith(".md"));
const texts = new Map<string, string>();
for (const page of pages) texts.set(page, await readFile(join(docs, page), "utf8"));

let local: TestLocal;
let folder: string;
beforeAll(async () => {
  local = await startTestLocal();
  // In the repository, so that its packages are found.
  folder = await mkdtemp(join(root, "tests/docs/.run-"));
});
afterAll(async () => {
  await local?.close();
  if (folder) await rm(folder, { recursive: true });
});

describe("the code in the documents", () => {
  const programs = [...texts].flatMap(([page, text]) => {
    const program = programOf(text);
    return program ? [{ page, program }] : [];
  });

  it.each(programs)("of $page runs as it is written", async ({ page, program }) => {
    const { tenant, mayfly } = await local.enter();
    await mayfly.close();
    const file = join(folder, page.replace(/\.md$/, ".ts"));
    await writeFile(file, program);
    const env = {
      ...process.env,
      MAYFLY_URL: local.apiUrl,
      MAYFLY_KEY: local.secretKey,
      MAYFLY_PUBLISHABLE_KEY: local.publishableKey,
      MAYFLY_TENANT: tenant,
    };
    const ran = await promisify(execFile)(process.execPath, [file], { env, cwd: folder }).catch(
      (error: { stderr?: string }) => ({ stderr: `it failed: ${error.stderr}` }),
    );
    expect(ran.stderr).toBe("");
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
  it("link to nothing that is not there", async () => {
    const broken: string[] = [];
    for (const [page, text] of texts)
      for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
        await readFile(join(docs, String(target))).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== "EISDIR") broken.push(`${page}: ${target}`);
        });
    expect(broken).toEqual([]);
  });
});
