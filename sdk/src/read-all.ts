import type { z } from "zod";
import { list } from "./answer-form.ts";
import { fromDataApi } from "./call.ts";
import { failed, ok, type Result } from "./errors.ts";
import { foreign } from "./refusals.ts";

/** The Data API gives a thousand rows at most, or fewer where the project says so, and does not say that there are more. */
const pageRows = 1_000;

/**
 * All rows of a list, page by page, until a page is empty.
 *
 * @param page asks for the rows behind one, in an order in which none comes twice.
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
    // What does not go on behind the last row would go on for ever.
    const begins = JSON.stringify(data[0]);
    if (begins === first) return failed(foreign("the Data API"));
    first = begins;
    rows.push(...data);
  }
}

/** The filter of rows behind one, by when they were made. */
export const behindRow = ({ created_at, id }: { created_at: string; id: string }) =>
  `created_at.gt."${created_at}",and(created_at.eq."${created_at}",id.gt.${id})`;
