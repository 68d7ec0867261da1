import { connect, open } from "./harness.ts";

/** Inserts one row after another and prints the id of each that was acknowledged. */
const database = await open({ dataDir: process.argv[2] as string });
const sql = connect(database, "supabase_admin");
await sql`create table public.kept (id int primary key)`;
for (let id = 1; ; id++) {
  await sql`insert into public.kept values (${id})`;
  process.stdout.write(`${id}\n`);
}
