import type { SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect } from "vitest";
import { openProject, type Project } from "./harness.ts";

const sql = `
  create table clients (id int primary key, name text);
  create table projects (
    id int primary key, name text, client_id int references clients, lead int, second int,
    tags text[] default '{}', during int4range, data jsonb, words tsvector, prose text
  );
  create table tasks (id int primary key, name text, project_id int references projects, at timestamptz);
  create table people (id int primary key, name text, boss int references people);
  alter table projects add constraint projects_lead_fkey foreign key (lead) references people,
    add constraint projects_second_fkey foreign key (second) references people;
  create table passports (person_id int primary key references people, number text);
  create table memberships (
    person_id int references people, project_id int references projects, primary key (person_id, project_id)
  );
  create type place as (lat int, long int);
  create table spots (id int primary key, at place, numbers int[], "odd.name,x" text);
  create view project_names as select id, name, client_id from projects;
  create function upper_name(p projects) returns text language sql stable as 'select upper(p.name)';
  create function main_task(projects) returns setof tasks rows 1 language sql stable as
    'select * from tasks where project_id = $1.id order by id limit 1';
  create domain "text/html" as text;
  create function page(title text) returns "text/html" language sql stable as
    $$ select '<h1>' || title || '</h1>' $$;

  create function add(a int, b int default 10) returns int language sql stable as 'select a + b';
  create function add_up(variadic numbers int[]) returns int language sql stable as
    'select sum(n)::int from unnest(numbers) as n';
  create function said(json) returns json language sql stable as 'select $1';
  create function lines(text) returns int language sql stable as
    $$ select array_length(string_to_array($1, chr(10)), 1) $$;
  create function all_projects() returns setof projects language sql stable as 'select * from projects';
  create function pairs() returns table (a int, b text) language sql stable as
    $$ select 1, 'x' union all select 2, 'y' $$;
  create function volatile_now() returns int language sql volatile as 'select 1';
  create function overloaded(a int) returns text language sql stable as $$ select 'int' $$;
  create function overloaded(a int, b int) returns text language sql stable as $$ select 'ints' $$;
  create function nothing() returns void language sql as 'select';
  create function sized(a text[]) returns int language sql stable as 'select cardinality(a)';
  create function refuses() returns void language plpgsql as $$
    begin raise sqlstate 'PT402' using message = 'Payment Required', detail = 'd', hint = 'h'; end $$;
  create function tells() returns json language plpgsql as $$
    begin
      perform set_config('response.headers', '[{"x-tea": "green"}]', true);
      perform set_config('response.status', '418', true);
      return json_build_object('path', current_setting('request.path'));
    end $$;
  create function from_column(p clients) returns text language plpgsql stable as $$
    begin perform set_config('response.headers', '[{"x-read": "yes"}]', true); return 'x'; end $$;

  insert into clients values (1, 'Apple'), (2, 'Google'), (3, null);
  insert into people values (1, 'ann', null), (2, 'bob', 1), (3, 'cyd', 1);
  insert into passports values (1, 'P1');
  insert into projects values
    (1, 'one', 1, 1, 2, '{a,b}', '[1,10)', '{"n":5,"s":"x","deep":{"k":[1,2]}}', 'fat & cat', 'a fat cat sat'),
    (2, 'two', 1, 1, 3, '{b,c}', '[10,20)', '{"n":6,"s":"y"}', 'mouse', 'the mice'),
    (3, 'three', 2, null, null, '{}', '[30,40)', null, null, null),
    (4, 'Four', null, null, null, null, null, 'null', null, null);
  insert into tasks select n, 'task ' || n, 1 + n % 3, '2026-01-01'::timestamptz + n * interval '1 day'
    from generate_series(1, 9) as n;
  insert into memberships values (1, 1), (1, 2), (2, 1);
  insert into spots values (1, (10, 20)::place, '{7,8}', 'odd');
  create table many (id int primary key);
  insert into many select generate_series(1, 1500);
  analyze many;
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

export const send = async (path: string, headers: object = {}, method = "GET", body?: string) => {
  const response = await fetch(`${project.url}/rest/v1/${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
    headers: { apikey: project.keys.publishableKey, ...headers },
  });
  return {
    status: response.status,
    text: await response.text(),
    type: response.headers.get("content-type"),
    range: response.headers.get("content-range"),
    applied: response.headers.get("preference-applied"),
    location: response.headers.get("content-location"),
    allow: response.headers.get("allow"),
    headers: response.headers,
  };
};
export const json = async (path: string, headers: object = {}) => {
  const { text } = await send(path, headers);
  return JSON.parse(text);
};
/** The ids of the projects that a query string finds. */
export const ids = async (query: string, table = "projects") => {
  const rows = await json(`${table}?select=id&order=id&${query}`);
  return Array.isArray(rows) ? rows.map(({ id }) => id) : rows;
};
export const refused = async (path: string, code: string, status: number, headers: object = {}) => {
  const answer = await send(path, headers);
  expect([answer.status, JSON.parse(answer.text).code], path).toEqual([status, code]);
};

type Verdict = "works" | "says no" | "differs";
export type Feature = [name: string, verdict: Verdict, check: () => Promise<void>];
