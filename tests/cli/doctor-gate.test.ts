import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { checkGate, type PreRequest } from "../../cli/src/doctor-gate.ts";
import { enter } from "../../cli/src/entry.ts";

let local: TestLocal;
/** Like the SQL editor of a hosted project. */
let editor: postgres.Sql;
beforeAll(async () => {
  local = await startTestLocal({ embedded: true });
  editor = postgres(local.dbUrl, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await editor.end();
  await local.close();
});

const setting = async () => {
  const [row] = await local.sql`select mayfly_private.installation() -> 'pre_request' as set`;
  return (row?.set ?? null) as PreRequest | null;
};
const examine = async () => {
  const connection = { url: local.apiUrl, key: local.secretKey, tenant: undefined };
  const [found] = await checkGate(connection, await setting());
  if (!found) throw new Error("Nothing was found.");
  return found;
};
/** The answer to a request for an estimate: the code of its refusal, or `given`. */
const planned = async (schema: string) => {
  const response = await fetch(
    `${local.apiUrl}/rest/v1/${schema === "mayfly" ? "tenants" : "notes"}?select=id`,
    { headers: { apikey: local.secretKey, "accept-profile": schema, prefer: "count=planned" } },
  );
  return response.ok ? "given" : ((await response.json()) as { code: string }).code;
};
/** Runs the statements of a finding as printed, and waits until the Data API has reloaded. */
const run = async (text: string, mayfly: string) => {
  await editor.unsafe(text.slice(text.search(/(create or replace function|alter role)/)));
  await expect.poll(() => planned("mayfly")).toBe(mayfly);
};

describe("mayfly doctor and row estimates", () => {
  it("prints a statement that switches them off, reads it back, and prints its undo", async () => {
    const off = await examine();
    expect(off).toMatchObject({ check: "row estimates", state: "warning" });
    expect(off.hint).toContain(
      "alter role authenticator set pgrst.db_pre_request = 'mayfly_gate.check_request'; notify pgrst, 'reload config';",
    );
    expect(await planned("mayfly")).toBe("given");
    await run(off.hint as string, "estimates_refused");
    const on = await examine();
    expect(on).toMatchObject({ state: "ok", hint: null });
    expect(on.message).toContain("pgrst.db_pre_request is mayfly_gate.check_request.");
    await run(on.message, "given");
    expect(await setting()).toBeNull();
  });

  it("keeps the project's own function, calls it after Mayfly's, and restores it with the undo", async () => {
    await editor.unsafe(`
      create table public.notes (id int);
      grant select on public.notes to service_role;
      create schema "Own";
      grant usage on schema "Own" to public;
      create function "Own"."check"() returns int language plpgsql as $$ begin
        if current_setting('request.headers')::jsonb ->> 'prefer' = 'count=planned'
          and current_setting('search_path') like '"public"%' then
          raise sqlstate 'PGRST' using message = '{"code":"own","message":"own"}', detail = '{"status":418,"headers":{}}';
        end if; return 1; end $$;
      alter role authenticator set pgrst.db_pre_request = 'Own.check'; notify pgrst, 'reload config'`);
    await expect.poll(() => planned("public")).toBe("own");
    await run((await examine()).hint as string, "estimates_refused");
    expect(await planned("public")).toBe("own");
    expect(await setting()).toMatchObject({
      function: "mayfly_gate.check_request_and_next",
      next: "Own.check",
    });
    const on = await examine();
    expect(on.state).toBe("ok");
    // The function that runs before every request cannot be dropped by mistake.
    await expect(editor`drop function "Own"."check"()`).rejects.toThrow(/depend/);
    await run(on.message, "given");
    expect(await setting()).toMatchObject({ function: "Own.check" });
    expect(await planned("public")).toBe("own");
  });

  it("changes the setting of the database if there is one, because that one takes precedence", async () => {
    await editor`alter role authenticator in database postgres set pgrst.db_pre_request = 'Own.check'`;
    await run((await examine()).hint as string, "estimates_refused");
    expect(await setting()).toMatchObject({ database: "postgres", next: "Own.check" });
    await run((await examine()).message, "given");
    const reset = (where: string) =>
      run(
        `alter role authenticator ${where} reset pgrst.db_pre_request; notify pgrst, 'reload config'`,
        "given",
      );
    await reset("in database postgres");
    await reset("");
    expect(await setting()).toBeNull();
  });

  it("says what is wrong if the function is gone but the setting is not, and names the undo", async () => {
    const set = "alter role authenticator set pgrst.db_pre_request = 'mayfly_gate.gone'";
    await run(`${set}; notify pgrst, 'reload config'`, "42883");
    const connection = { url: local.apiUrl, key: local.secretKey, tenant: undefined };
    const entry = await enter(connection);
    expect(entry).toMatchObject({ at: "failed", hint: expect.stringContaining("alter role") });
    expect(await setting()).toMatchObject({ function: "mayfly_gate.gone", callable: null });
    await run((entry as { hint: string }).hint, "given");
    expect((await enter(connection)).at).toBe("inside");
  });
});

describe("a gateway that passes on the field Prefer twice", () => {
  it("is found with two raw fields, in either order", async () => {
    // This server behaves like PostgREST, which reads all fields `Prefer`, but whose pre-request function
    // sees only the last of them.
    const server = createServer((request, response) => {
      const fields = request.headersDistinct.prefer ?? [];
      const refused = fields.at(-1) === "count=planned";
      response.writeHead(refused ? 400 : 200, { "content-type": "application/json" });
      response.end(refused ? '{"code":"estimates_refused","message":"no"}' : "[]");
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const [found] = await checkGate({ url, key: "sb_secret_x", tenant: undefined }, null);
      expect(found).toMatchObject({ state: "warning" });
      expect(found?.message).toContain("Prefer: count=planned, Prefer: timezone=UTC");
      expect(found?.message).not.toContain("timezone=UTC, Prefer: count=planned");
    } finally {
      server.close();
    }
  });
});
