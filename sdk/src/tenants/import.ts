/** Imports what `tenants.export` wrote. */
import { z } from "zod";
import { count, list, row, text } from "../contract/answer-form.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";
import { passes, retried } from "../link/retry.ts";

/** How far an import has come. */
export interface Imported {
  /** How many lines, from the start, are done. Pass it as `after` to continue. */
  lines: number;
  /** Rows that were stored. */
  stored: number;
  /** Rows that were already there. They did not change. */
  known: number;
  /**
   * How many rows are not imported, by table. People and keys are left out, because they belong to
   * the other project. So are files, the log, and jobs that had not finished.
   */
  leftOut: Record<string, number>;
  /** Rows that refer to a row that is not there, because that row was left out or its name is taken. */
  orphaned: number;
}

/** How to continue, follow or stop an import. */
export interface ImportOptions {
  /** Skips this many lines. None by default. */
  after?: number;
  /** Called after each batch. */
  onProgress?: (done: Imported) => void;
  /** Stops after the current batch. */
  signal?: AbortSignal;
}

/** What `import` reads: bytes or text, as `export` returns them. */
export type ImportSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>;

interface Line {
  number: number;
  body: { table: string; row: unknown };
}

const answerForm = row<{
  stored: number;
  known: number;
  left_out: Record<string, number>;
  waiting: number[];
}>({ stored: count, known: count, left_out: z.record(text, count), waiting: list(count) });
const lineForm = z.object({ table: text, row: z.record(text, z.unknown()) });

/** How much one call stores. A statement of the Data API may take 8 s. 500 memories of 2 KB take 0.5 s. */
const most = { lines: 500, characters: 1_000_000 };
/** How often to try a write at most. Once a minute's quota is used up, a try waits for the next minute. */
const tries = 6;

export async function importTenant(
  link: Link,
  source: ImportSource,
  { after = 0, onProgress = () => {}, signal }: ImportOptions,
): Promise<Result<Imported>> {
  const done: Imported = { lines: after, stored: 0, known: 0, leftOut: {}, orphaned: 0 };
  let read = after;
  let waiting: Line[] = [];

  const store = async (lines: Line[]): Promise<Result<number>> => {
    const bodies = lines.map(({ body }) => body);
    const call = () => link.rpc("import_tenant", { lines: bodies }, answerForm);
    const { data, error } = await retried(call, passes, { tries });
    if (error) return failed(error);
    done.stored += data.stored;
    done.known += data.known;
    for (const [table, rows] of Object.entries(data.left_out))
      done.leftOut[table] = (done.leftOut[table] ?? 0) + rows;
    waiting.push(...data.waiting.flatMap((place) => lines[place - 1] ?? []));
    return ok(lines.length - data.waiting.length);
  };
  /**
   * Stores rows that waited for others, again and again until none of the waiting rows finds what it waits for.
   */
  const storeWaiting = async (): Promise<Result<null>> => {
    for (let found = true; found && waiting.length > 0; ) {
      const again = waiting;
      waiting = [];
      found = false;
      for (let at = 0; at < again.length; at += most.lines) {
        const stored = await store(again.slice(at, at + most.lines));
        if (stored.error) return stored;
        found ||= stored.data > 0;
      }
    }
    return ok(null);
  };
  const tell = () => {
    done.lines = waiting[0] ? waiting[0].number - 1 : read;
    onProgress({ ...done, leftOut: { ...done.leftOut } });
  };

  let batch: Line[] = [];
  let characters = 0;
  const flush = async (): Promise<Result<unknown>> => {
    const lines = batch;
    batch = [];
    characters = 0;
    const stored = lines.length > 0 ? await store(lines) : ok(0);
    if (stored.error) return stored;
    read = lines.at(-1)?.number ?? read;
    // The rows of a table come together, so waiting rows may now find the rows to which they refer.
    const settled = waiting.length > 0 ? await storeWaiting() : ok(null);
    if (settled.error) return settled;
    tell();
    return ok(null);
  };

  let number = 0;
  try {
    for await (const line of linesOf(source)) {
      if (signal?.aborted) break;
      number++;
      if (number <= after || line.trim() === "") continue;
      const body = bodyOf(line);
      if (!body)
        return failed(invalid("source", `line ${number} is not one of an export: { table, row }`));
      if (batch.length >= most.lines || characters + line.length > most.characters) {
        const flushed = await flush();
        if (flushed.error) return failed(flushed.error);
      }
      batch.push({ number, body });
      characters += line.length;
    }
  } catch (error) {
    // If the source is a running export that fails, its own error is returned.
    return failed(error instanceof MayflyError ? error : invalid("source", `failed: ${error}`));
  }
  if (!signal?.aborted) {
    const flushed = await flush();
    if (flushed.error) return failed(flushed.error);
    done.orphaned = waiting.length;
    done.lines = number;
  }
  return ok(done);
}

/**
 * Postgres refuses these escapes in a JSON value that it reads as text. A recorded answer of a model may
 * contain them.
 */
const unreadable = /\\u(?:0000|d[89a-f])/i;

function bodyOf(line: string): Line["body"] | undefined {
  const readable = (_: string, value: unknown) =>
    typeof value === "string" ? value.toWellFormed().replaceAll("\0", "\ufffd") : value;
  try {
    return lineForm.parse(JSON.parse(line, unreadable.test(line) ? readable : undefined));
  } catch {
    return undefined;
  }
}

async function* linesOf(source: ImportSource): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of source) {
    const lines = (
      rest + (typeof part === "string" ? part : decoder.decode(part, { stream: true }))
    ).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
