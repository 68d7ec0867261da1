import type { z } from "zod";
import { list } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { fromDataApi } from "./call.ts";
import { foreign } from "./refusals.ts";

/**
 * The Data API returns at most a thousand rows, or fewer if the project is configured so. It does
 * not say whether there are more.
 */
const pageRows = 1_000;

/**
 * Reads all rows of a list, page by page, until a page is empty.
 *
 * @param page reads the rows after a given row, in an order in which no row comes twice.
 */
export async function readAll<Row extends object>(
  form: z.ZodType<Row>,
  page: (
    behind: Row | undefined,
    limit: number,
  ) => PromiseLike<{ data: unknown; error: unknown; status: number }>,
): Promise<Result<Row[]>> {
  const rows: Row[] = [];
  let first = "";
  for (;;) {
    const { data, error } = fromDataApi(await page(rows.at(-1), pageRows), list(form));
    if (error) return failed(error);
    if (data.length === 0) return ok(rows);
    // A list that does not advance would never end.
    const begins = JSON.stringify(data[0]);
    if (begins === first) return failed(foreign("the Data API"));
    first = begins;
    rows.push(...data);
  }
}

/**
 * Reads a page of `limit` rows, or fewer at the end of the list. The Data API may answer with fewer rows
 * than were requested. Then the next request continues after the last row of that answer, until the page is
 * full or no rows are left.
 *
 * @param page reads at most this many rows after a given row.
 */
export async function readPage<Row extends object>(
  form: z.ZodType<Row>,
  limit: number,
  page: Parameters<typeof readAll<Row>>[1],
): Promise<Result<Row[]>> {
  const rows: Row[] = [];
  let last = "";
  while (rows.length < limit) {
    const { data, error } = fromDataApi(await page(rows.at(-1), limit - rows.length), list(form));
    if (error) return failed(error);
    if (data.length === 0) break;
    const ends = JSON.stringify(data.at(-1));
    if (ends === last) return failed(foreign("the Data API"));
    last = ends;
    rows.push(...data);
  }
  return ok(rows);
}

/** The filter for rows after a given row, by creation time. */
export const behindRow = ({ created_at, id }: { created_at: string; id: string }) =>
  `created_at.gt."${created_at}",and(created_at.eq."${created_at}",id.gt.${id})`;

/** The filter for rows older than a given row, for a list with the newest row first. */
export const beforeRow = ({ created_at, id }: { created_at: string; id: string }) =>
  `created_at.lt."${created_at}",and(created_at.eq."${created_at}",id.lt.${id})`;
