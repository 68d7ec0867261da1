import { problems } from "./answers.ts";
import { numberOf, oneOf } from "./asking.ts";
import { checkBucketName } from "./names.ts";
import { listLevel, listPage, type PageOptions } from "./rows.ts";
import type { Asked, Sessions } from "./session.ts";

type Body = Record<string, unknown>;

/** `list`: the files and folders of one folder. */
export async function list(
  sessions: Sessions,
  asked: Asked,
  bucket: string,
  body: Body,
): Promise<Response> {
  checkBucketName(bucket);
  const prefix = String(body.prefix ?? "");
  const sort = (body.sortBy ?? {}) as Body;
  const options = {
    prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`,
    search: String(body.search ?? ""),
    limit: numberOf(body.limit, "body/limit", 100, 1500),
    offset: numberOf(body.offset, "body/offset", 0),
    column: oneOf(sort.column, "body/sortBy/column", columns, "name"),
    order: oneOf(sort.order, "body/sortBy/order", ["asc", "desc"] as const, "asc"),
  };
  const entries = await sessions.run(asked, asked.claims, (sql) => listLevel(sql, bucket, options));
  return Response.json(entries);
}

const columns = ["name", "updated_at", "created_at", "last_accessed_at"] as const;
const pageColumns = ["name", "updated_at", "created_at"] as const;

/** `listV2`: pages by a cursor, with the folders listed separately. */
export async function listV2(
  sessions: Sessions,
  asked: Asked,
  bucket: string,
  body: Body,
): Promise<Response> {
  checkBucketName(bucket);
  const sort = (body.sortBy ?? {}) as Body;
  const cursor = cursorOf(body.cursor);
  const options: PageOptions = {
    prefix: String(body.prefix ?? ""),
    limit: numberOf(body.limit, "body/limit", 1000, 1000),
    folders: body.with_delimiter === true,
    column: cursor?.column ?? oneOf(sort.column, "body/sortBy/column", pageColumns, "name"),
    order: cursor?.order ?? oneOf(sort.order, "body/sortBy/order", ["asc", "desc"] as const, "asc"),
    after: cursor?.after,
  };
  const rows = await sessions.run(asked, asked.claims, (sql) => listPage(sql, bucket, options));
  const page = rows.slice(0, options.limit);
  const last = page.at(-1);
  const hasNext = rows.length > options.limit && last !== undefined;
  const { column, order } = options;
  const entries = page.map((row) => row.entry);
  return Response.json({
    hasNext,
    ...(hasNext && {
      nextCursor: Buffer.from(
        JSON.stringify({ column, order, after: { name: last.entry.name, value: last.value } }),
      ).toString("base64"),
      nextCursorKey: last.entry.name,
    }),
    folders: entries.filter((entry) => entry.id === null),
    objects: entries.filter((entry) => entry.id !== null),
  });
}

function cursorOf(text: unknown): Pick<PageOptions, "column" | "order" | "after"> | undefined {
  if (text === undefined) return undefined;
  try {
    const given = JSON.parse(Buffer.from(String(text), "base64").toString());
    const { name, value } = given.after;
    if (typeof name !== "string" || typeof value !== "string") throw new TypeError("not a cursor");
    return {
      column: oneOf(given.column, "cursor", pageColumns, "name"),
      order: oneOf(given.order, "cursor", ["asc", "desc"] as const, "asc"),
      after: { name, value },
    };
  } catch {
    throw problems.parameter("continuation token");
  }
}
