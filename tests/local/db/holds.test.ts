/** Transactions held just before their commit. */
import postgres from "postgres";
import { expect, test } from "vitest";
import { silent } from "#harness/log";
import { readTemplate } from "#harness/template";
import { openPglite } from "../../../local/src/db/index.ts";

const open = async (template: Uint8Array | string) => {
  const { keys } = await readTemplate();
  return openPglite({ passwords: keys.databasePassword, template, log: silent });
};

test("a transaction that was held when the process died is committed at the next start", async () => {
  const { database: template } = await readTemplate();
  const database = await open(template);
  const sql = postgres(database.url("postgres"), { max: 1 });
  await sql`create table public.kept (id int primary key)`;
  await sql.unsafe(
    "begin; insert into public.kept values (1); prepare transaction 'mayfly_hold_0_1'",
  );
  expect(await sql`select * from public.kept`).toEqual([]);
  await sql.end();
  const copy = await database.dumpDataDir();
  await database.close();

  const again = await open(copy);
  const other = postgres(again.url("postgres"), { max: 1 });
  expect(await other`select id from public.kept`).toEqual([{ id: 1 }]);
  await other.end();
  await again.close();
});

test("a client cannot prepare a transaction, as on hosted projects", async () => {
  const { database: template } = await readTemplate();
  const database = await open(template);
  const sql = postgres(database.url("postgres"), { max: 1 });
  await expect(sql.unsafe("begin; prepare transaction 'mine'")).rejects.toMatchObject({
    code: "55000",
  });
  await sql.end();
  await database.close();
});
