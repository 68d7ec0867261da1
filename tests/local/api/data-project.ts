import type { SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect } from "vitest";
import { openProject, type Project } from "./harness.ts";

const sql = `
  create table people (
    id int primary key, name text, age int, tags text[], during int4range, data jsonb, prose text
  );
  create table pets (id int primary key, name text, person_id int references people);
  create function older(than int) returns setof people language sql stable as
    'select * from people where age > than';
  insert into people values
    (1, 'Ann', 30, '{a,b}', '[1,10)', '{"k":1}', 'a fat cat'), (2, 'Bob', 40, '{b}', '[10,20)', '{"k":2}', 'a dog'),
    (3, 'cyd', null, '{}', null, null, null);
  insert into pets values (1, 'Rex', 1), (2, 'Tom', 1), (3, 'Kit', 2);
`;

export let project: Project;
export let db: SupabaseClient;

export function setUp(): void {
  beforeAll(async () => {
    project = await openProject(sql);
    db = project.client(project.keys.publishableKey);
  });
  afterAll(() => project.close());
}

export const people = () => db.from("people").select("id").order("id");
export async function finds(query: PromiseLike<{ data: unknown; error: unknown }>, ids: number[]) {
  const { data, error } = await query;
  expect(error).toBeNull();
  expect(data).toEqual(ids.map((id) => ({ id })));
}

export type Call = [
  names: string,
  verdict: "works" | "says no" | "differs",
  check: () => Promise<unknown>,
];
