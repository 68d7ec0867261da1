import type { JSONValue, Sql } from "postgres";
import { problemOf, problems } from "./answers.ts";
import { numberOf, oneOf } from "./asking.ts";
import type { Files } from "./files.ts";
import { bytesOf, checkBucketName, checkMimeTypes } from "./names.ts";
import { bucketOf } from "./rows.ts";
import { type Asked, type Sessions, service } from "./session.ts";

interface BucketBody {
  id?: string;
  name?: string;
  public?: boolean;
  type?: string;
  file_size_limit?: number | string | null;
  allowed_mime_types?: string[] | null;
}

interface Call {
  asked: Asked;
  /** The part of the path after `/bucket/`: the bucket's id. */
  bucket: string;
  body: BucketBody;
  query: URLSearchParams;
}

const sortColumns = ["id", "name", "created_at", "updated_at"] as const;

/** The calls for buckets: `/bucket`. */
export class Buckets {
  readonly #sessions: Sessions;
  readonly #files: Files;
  /** The limit for every file of the project. */
  readonly #maxBytes: number;

  constructor(sessions: Sessions, files: Files, maxBytes: number) {
    this.#sessions = sessions;
    this.#files = files;
    this.#maxBytes = maxBytes;
  }

  /** @throws StorageProblem */
  async create({ asked, body }: Call): Promise<Response> {
    const { name = "" } = body;
    checkBucketName(name);
    if (body.type !== undefined && body.type !== "STANDARD")
      throw problems.notOffered("iceberg_catalog");
    const limit = this.#limitOf(body.file_size_limit);
    const owner = asked.claims.sub ?? null;
    const types = typesOf(body.allowed_mime_types);
    await this.#sessions.run(asked, asked.claims, async (sql) => {
      await sql`
        insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types, owner_id)
        values (${body.id || name}, ${name}, ${body.public ?? false}, ${limit ?? null}::bigint,
          ${types === null ? null : sql`array(select jsonb_array_elements_text(${types}::text::jsonb))`}, ${owner})`.catch(
        (error: unknown) => {
          if ((error as { code?: string }).code === "23505")
            throw problems.exists("BucketAlreadyExists");
          throw problemOf(error);
        },
      );
    });
    return Response.json({ name });
  }

  async list({ asked, query }: Call): Promise<Response> {
    const column = oneOf(
      query.get("sortColumn") ?? undefined,
      "querystring/sortColumn",
      sortColumns,
      "name",
    );
    const order = oneOf(
      query.get("sortOrder") ?? undefined,
      "querystring/sortOrder",
      ["asc", "desc"] as const,
      "asc",
    );
    const number = (name: string, otherwise: number) =>
      numberOf(
        query.has(name) ? Number(query.get(name)) : undefined,
        `querystring/${name}`,
        otherwise,
      );
    const search = (query.get("search") ?? "").toLowerCase();
    const rows = await this.#sessions.run(
      asked,
      asked.claims,
      (sql) => sql<{ bucket: JSONValue }[]>`
        select to_jsonb(b) - 'avif_autodetection' - 'owner_id' || jsonb_build_object('owner', coalesce(b.owner_id, '')) as bucket
        from storage.buckets b where position(${search} in lower(b.name)) > 0
        order by ${sql(column)} ${order === "desc" ? sql`desc` : sql`asc`}
        limit ${number("limit", Number.MAX_SAFE_INTEGER)} offset ${number("offset", 0)}`,
    );
    return Response.json(rows.map((row) => row.bucket));
  }

  async get({ asked, bucket }: Call): Promise<Response> {
    checkBucketName(bucket);
    const found = await this.#sessions.run(asked, asked.claims, (sql) => bucketOf(sql, bucket));
    return Response.json(found);
  }

  async update({ asked, bucket, body }: Call): Promise<Response> {
    checkBucketName(bucket);
    const limit = this.#limitOf(body.file_size_limit);
    const types = body.allowed_mime_types;
    if (body.public === undefined && limit === undefined && types === undefined)
      throw problems.noContent();
    const list = typesOf(types);
    await this.#sessions.run(asked, asked.claims, async (sql: Sql) => {
      const changed = await sql`
        update storage.buckets b set
          public = coalesce(${body.public ?? null}::boolean, b.public),
          file_size_limit = case when ${limit !== undefined} then ${limit ?? null}::bigint else b.file_size_limit end,
          allowed_mime_types = case when ${types !== undefined}
            then (select array_agg(t) from jsonb_array_elements_text(${list}::text::jsonb) as t) else b.allowed_mime_types end,
          updated_at = now()
        where b.id = ${bucket}`;
      if (changed.count === 0) throw problems.noBucket();
    });
    return Response.json({ message: "Successfully updated" });
  }

  async remove({ asked, bucket }: Call): Promise<Response> {
    checkBucketName(bucket);
    await this.#sessions.run(asked, service, async (sql) => {
      await sql`select from storage.buckets b where b.id = ${bucket} for update`;
      const held = await sql`select from storage.objects o where o.bucket_id = ${bucket} limit 1`;
      if (held.count > 0) throw problems.notEmpty();
    });
    await this.#sessions.run(asked, asked.claims, async (sql) => {
      const gone = await sql`delete from storage.buckets b where b.id = ${bucket}`.catch(
        (error: { code?: string }) => {
          // The foreign key refuses this if an object was added meanwhile.
          if (error.code === "23503") throw problems.notEmpty();
          throw error;
        },
      );
      if (gone.count === 0) throw problems.noBucket();
    });
    return Response.json({ message: "Successfully deleted" });
  }

  /**
   * On a hosted project, a queue deletes the objects within the hour. Here, they are deleted before
   * the answer.
   */
  async empty({ asked, bucket }: Call): Promise<Response> {
    checkBucketName(bucket);
    const seen = await this.#sessions.run(asked, asked.claims, async (sql) => {
      await bucketOf(sql, bucket);
      return (await sql`select from storage.objects o where o.bucket_id = ${bucket} limit 1`).count;
    });
    if (seen > 0) {
      const gone = await this.#sessions.run(
        asked,
        service,
        (sql) =>
          sql<{ version: string }[]>`
            delete from storage.objects o where o.bucket_id = ${bucket} returning o.version`,
      );
      await this.#files.remove(gone.map((row) => row.version));
    }
    return Response.json({
      message: "Empty bucket has been queued. Completion may take up to an hour.",
    });
  }

  #limitOf(given: number | string | null | undefined): number | null | undefined {
    if (given === undefined || given === null) return given;
    const bytes = bytesOf(given);
    if (bytes > this.#maxBytes) throw problems.tooLarge();
    return bytes;
  }
}

function typesOf(types: string[] | null | undefined): string | null {
  if (!types) return null;
  const named = types.filter((type) => type);
  checkMimeTypes(named);
  return JSON.stringify(named);
}
