/**
 * Checks line by line that the embedded Supabase differs from a hosted project as local/README.md says.
 *
 * To add a line, write it into a table there. This file runs its last column, "how to see it", which has
 * one or more of
 *
 * - psql `select 1` → `1`: statements as `postgres`, each time on a new connection. Their result is the values
 *   of the last row with " | " between them, or the SQLSTATE and the message of the error.
 * - js `(await supabase.auth.signOut()).error` → `null`: an expression. It may use `supabase`
 *   (supabase-js with the publishable key), `admin` (with the secret key), `url`, `headers` (with the
 *   secret key), `psql(text, options of postgres.js)` and `fetch`. Its result is its value as text, or the
 *   error that it throws.
 * - test [title](../tests/local/db/isolation.test.ts): a test with that title in that file, for what needs
 *   more than an expression.
 *
 * A result must contain the text after the arrow.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { differencesOf } from "./differences.ts";

const folder = join(import.meta.dirname, "../../local");
const differences = differencesOf(await readFile(join(folder, "README.md"), "utf8"));

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal({ embedded: true });
});
afterAll(() => local.close());

async function psql(text: string, options: postgres.Options<never> = {}): Promise<string> {
  const sql = postgres(local.dbUrl, { max: 1, onnotice: () => {}, prepare: false, ...options });
  try {
    const results = await sql.unsafe(text);
    const last = (Array.isArray(results[0]) ? results.at(-1) : results) as postgres.Row[];
    return Object.values(last.at(-1) ?? {}).join(" | ");
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code}: ${message}`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** A program of the README, so that exactly this is run. */
const programOf = (code: string) =>
  Object.getPrototypeOf(async () => {}).constructor(
    ...["supabase", "admin", "url", "headers", "psql"],
    `return (${code});`,
  ) as (...given: unknown[]) => Promise<unknown>;

async function js(code: string): Promise<string> {
  const client = (key: string) =>
    createClient(local.apiUrl, key, { auth: { persistSession: false, autoRefreshToken: false } });
  const [supabase, admin] = [client(local.publishableKey), client(local.secretKey)];
  try {
    const value = await programOf(code)(
      supabase,
      admin,
      local.apiUrl,
      { apikey: local.secretKey },
      psql,
    );
    return typeof value === "string" ? value : JSON.stringify(value);
  } catch (error) {
    return String(error);
  } finally {
    await Promise.all([supabase.removeAllChannels(), admin.removeAllChannels()]);
  }
}

describe("local/README.md", () => {
  it("lists what differs", () => {
    expect(differences.length).toBeGreaterThan(10);
  });

  it.each(differences)("says how to see that $what", async ({ probes }) => {
    expect(probes, "the last column shows nothing").not.toEqual([]);
    for (const probe of probes) {
      if (probe.kind === "test") {
        const source = await readFile(join(folder, probe.file), "utf8");
        expect(source.replace(/\s+/g, "")).toMatch(
          // A test with this title, not a mention of it.
          `t(${JSON.stringify(probe.title).replace(/\s+/g, "")},`,
        );
      } else {
        const shown = await (probe.kind === "psql" ? psql : js)(probe.code);
        expect(shown, probe.code).toContain(probe.expected);
      }
    }
  });
});
