/** Exports a tenant, as the caller. */
import { z } from "zod";
import { flag, row, text } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";

/** How to stop an export early. */
export interface ExportOptions {
  /** Stops the export. The stream then fails with the signal's reason. */
  signal?: AbortSignal;
}

/** About how many bytes to ask for in a page of an export. */
const pageBytes = 1_000_000;
const maxPageRows = 1_000;

interface ExportPage {
  lines: { table: string; row: unknown }[];
  after: { table: string; key: unknown[] } | null;
  more: boolean;
}

const exportPage = row<ExportPage>({
  lines: z.array(z.object({ table: text, row: z.unknown() })),
  after: z.object({ table: text, key: z.array(z.unknown()) }).nullable(),
  more: flag,
});

/** Exports page by page. The next page is requested when the previous one has been read. */
export async function exportTenant(
  link: Link,
  { signal }: ExportOptions,
): Promise<Result<ReadableStream<Uint8Array>>> {
  const encoder = new TextEncoder();
  let rows = 100;
  const read = async (after: ExportPage["after"]) => {
    const { data, error } = await link.rpc(
      "export_tenant",
      { after: after as never, page_limit: rows },
      exportPage,
    );
    if (error) return failed(error);
    const page = data;
    const lines = page.lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const bytes = encoder.encode(lines);
    // Rows of different tables differ much in size, so adapt the number of rows.
    const fitting = Math.round((rows * pageBytes) / Math.max(bytes.length, 1));
    rows = Math.max(1, Math.min(fitting, rows * 4, maxPageRows));
    return ok({ page, bytes });
  };
  // Read the first page at once, so that an error at the start is returned before the stream
  // begins.
  const first = await read(null);
  if (first.error) return first;
  let next: typeof first | null = first;
  let after: ExportPage["after"] = null;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (signal?.aborted) return controller.error(signal.reason);
        const { data, error } = next ?? (await read(after));
        next = null;
        if (error) return controller.error(error);
        if (data.bytes.length > 0) controller.enqueue(data.bytes);
        after = data.page.after;
        if (!data.page.more) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return ok(stream);
}
