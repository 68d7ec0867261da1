/** The statements of Storage. Each runs as the user of the transaction. */
import type { JSONValue, Sql } from "postgres";
import { problemOf, problems } from "./answers.ts";

export interface Metadata {
  eTag: string;
  size: number;
  mimetype: string;
  cacheControl: string;
  lastModified: string;
  contentLength: number;
  httpStatusCode: number;
}

export interface ObjectRow {
  id: string;
  name: string;
  bucket_id: string;
  version: string;
  owner_id: string | null;
  metadata: Metadata;
  user_metadata: Record<string, unknown> | null;
  created_at: string;
  updated_at: string;
}

export interface BucketRow {
  id: string;
  name: string;
  public: boolean;
  file_size_limit: number | null;
  allowed_mime_types: string[] | null;
}

export interface NewObject {
  bucket: string;
  name: string;
  version: string;
  owner: string | undefined;
  metadata: object;
  userMetadata: Record<string, unknown> | null | undefined;
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const uuidOrNull = (text: string | undefined) => (text && uuidForm.test(text) ? text : null);
const json = (value: unknown) => (value == null ? null : JSON.stringify(value));

/** @throws StorageProblem when there is none that the caller may see. */
export async function bucketOf(sql: Sql, id: string): Promise<BucketRow> {
  const [row] = await sql<{ bucket: BucketRow }[]>`
    select to_jsonb(b) as bucket from storage.buckets b where b.id = ${id}`;
  if (!row) throw problems.noBucket();
  return row.bucket;
}

export async function findObject(sql: Sql, bucket: string, name: string) {
  const [row] = await sql<{ object: ObjectRow }[]>`
    select to_jsonb(o) as object from storage.objects o where o.bucket_id = ${bucket} and o.name = ${name}`;
  return row?.object;
}

/** @throws StorageProblem when there is none that the caller may see. */
export async function objectOf(sql: Sql, bucket: string, name: string): Promise<ObjectRow> {
  const found = await findObject(sql, bucket, name);
  if (!found) throw problems.noObject();
  return found;
}

export async function visible(sql: Sql, bucket: string, names: string[]): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select o.name from storage.objects o
    where o.bucket_id = ${bucket} and o.name in (select jsonb_array_elements_text(${json(names)}::text::jsonb))`;
  return rows.map((row) => row.name);
}

export async function insertObject(sql: Sql, given: NewObject): Promise<void> {
  try {
    await sql`
      insert into storage.objects (bucket_id, name, version, owner, owner_id, metadata, user_metadata)
      values (${given.bucket}, ${given.name}, ${given.version}, ${uuidOrNull(given.owner)}::uuid, ${given.owner ?? null},
        ${json(given.metadata)}::text::jsonb, ${json(given.userMetadata)}::text::jsonb)`;
  } catch (error) {
    if ((error as { code?: string }).code === "23505") throw problems.exists("KeyAlreadyExists");
    throw error;
  }
}

export async function upsertObject(sql: Sql, given: NewObject): Promise<ObjectRow> {
  const [row] = await sql<{ object: ObjectRow }[]>`
    insert into storage.objects as o (bucket_id, name, version, owner, owner_id, metadata, user_metadata)
    values (${given.bucket}, ${given.name}, ${given.version}, ${uuidOrNull(given.owner)}::uuid, ${given.owner ?? null},
      ${json(given.metadata)}::text::jsonb, ${json(given.userMetadata)}::text::jsonb)
    on conflict (bucket_id, name) do update set version = excluded.version, metadata = excluded.metadata,
      user_metadata = excluded.user_metadata, owner = coalesce(excluded.owner, o.owner),
      owner_id = coalesce(excluded.owner_id, o.owner_id)
    returning to_jsonb(o) as object`;
  if (!row) throw problems.noObject();
  return row.object;
}

export async function moveObject(
  sql: Sql,
  from: { bucket: string; name: string },
  to: { bucket: string; name: string; version: string },
): Promise<ObjectRow> {
  const rows = await sql<{ object: ObjectRow }[]>`
    update storage.objects o set bucket_id = ${to.bucket}, name = ${to.name}, version = ${to.version}
    where o.bucket_id = ${from.bucket} and o.name = ${from.name}
    returning to_jsonb(o) as object`.catch((error: unknown) => {
    throw problemOf(error);
  });
  if (!rows[0]) throw problems.noObject();
  return rows[0].object;
}

/** @returns the deleted rows, which are those that the caller may delete. */
export async function deleteObjects(sql: Sql, bucket: string, names: string[]) {
  const rows = await sql<{ object: ObjectRow }[]>`
    delete from storage.objects o
    where o.bucket_id = ${bucket} and o.name in (select jsonb_array_elements_text(${json(names)}::text::jsonb))
    returning to_jsonb(o) as object`;
  return rows.map((row) => row.object);
}

export interface ListOptions {
  prefix: string;
  search: string;
  limit: number;
  offset: number;
  column: "name" | "updated_at" | "created_at" | "last_accessed_at";
  order: "asc" | "desc";
}

/** The files and folders of one level: folders have no id. */
export async function listLevel(sql: Sql, bucket: string, options: ListOptions) {
  const { prefix, search, limit, offset, column, order } = options;
  const start = `${prefix}${search}`;
  const [first, level] = [prefix.split("/").length, start.split("/").length];
  const rows = await sql<{ entry: JSONValue }[]>`
    with found as (
      select o.*, array_to_string(o.path_tokens[${first}::int:${level}::int], '/') as shown,
        array_length(o.path_tokens, 1) > ${level}::int as folder
      from storage.objects o
      where o.bucket_id = ${bucket} and starts_with(lower(o.name), lower(${start}))
    ), entries as (
      select distinct on (shown) shown as name, null::uuid as id, null::timestamptz as updated_at,
        null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
      from found where folder
      union all
      select shown, id, updated_at, created_at, last_accessed_at, metadata from found where not folder
    )
    select to_jsonb(e) as entry from entries e
    order by ${column === "name" ? sql`lower(name) collate "C"` : sql`id is not null, ${sql(column)}`} ${order === "desc" ? sql`desc` : sql`asc`}, name
    limit ${limit} offset ${offset}`;
  return rows.map((row) => row.entry);
}

export interface PageOptions {
  prefix: string;
  limit: number;
  /**
   * Whether names that have the same text up to the next `/` after the prefix are returned as one
   * folder.
   */
  folders: boolean;
  column: "name" | "updated_at" | "created_at";
  order: "asc" | "desc";
  /** The key of the last entry before this page. */
  after: { name: string; value: string } | undefined;
}

/** A page of entries by name, and the entry after the page, if there is one. */
export async function listPage(sql: Sql, bucket: string, options: PageOptions) {
  const { prefix, limit, folders, column, order, after } = options;
  const sorted = column === "name" ? sql`''` : sql`coalesce(${sql(column)}::text, '')`;
  const direction = order === "desc" ? sql`desc` : sql`asc`;
  const beyond = order === "desc" ? sql`<` : sql`>`;
  const rows = await sql<
    { entry: JSONValue & { id: string | null; name: string }; value: string }[]
  >`
    with found as (
      select o.*, position('/' in substr(o.name, length(${prefix}) + 1)) as cut
      from storage.objects o
      where o.bucket_id = ${bucket} and starts_with(o.name, ${prefix})
    ), entries as (
      select distinct left(name, length(${prefix}) + cut) as name, null::uuid as id, null::timestamptz as updated_at,
        null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
      from found where ${folders} and cut > 0
      union all
      select name, id, updated_at, created_at, last_accessed_at, metadata from found where not (${folders} and cut > 0)
    ), keyed as (select e.*, ${sorted} collate "C" as value from entries e)
    select to_jsonb(k) - 'value' as entry, k.value from keyed k
    where ${after ? sql`(k.value, k.name collate "C") ${beyond} (${after.value}, ${after.name})` : sql`true`}
    order by k.value ${direction}, k.name collate "C" ${direction}
    limit ${limit + 1}`;
  return rows;
}
