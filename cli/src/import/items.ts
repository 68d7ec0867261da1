/** Reads the items of a file, one after the other. */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { usage } from "../failure.ts";

type Item = Record<string, unknown>;

export interface Numbered {
  item: Item;
  /** The line of the item, or its place in the array, counted from 1. */
  number: number;
}

/**
 * Reads JSON Lines, or one JSON array, which may also be in `results`, `memories` or `data` of an object.
 *
 * @throws Failure that names the line.
 */
export async function* itemsOf(file: string): AsyncGenerator<Numbered> {
  const array = await arrayIn(file);
  if (array) {
    for (const [index, item] of array.entries())
      yield { item: itemAt(item, index + 1, file), number: index + 1 };
    return;
  }
  let number = 0;
  for await (const line of createInterface({
    input: createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    number++;
    if (line.trim() === "") continue;
    yield { item: itemAt(parsed(line), number, file), number };
  }
}

async function arrayIn(file: string): Promise<unknown[] | null> {
  let first = "";
  try {
    for await (const part of createReadStream(file, { encoding: "utf8", end: 4_095 }))
      first += part;
  } catch (error) {
    throw usage(`The file ${file} cannot be read: ${(error as Error).message}`);
  }
  const start = first.trimStart();
  // If the first line is complete JSON and no array, the file is JSON Lines.
  if (!start.startsWith("[") && parsed(start.split("\n")[0] ?? "") !== undefined) return null;
  const whole = parsed(await readFile(file, "utf8"));
  if (Array.isArray(whole)) return whole;
  const { results, memories, data } = (whole ?? {}) as Record<string, unknown>;
  return [results, memories, data].find(Array.isArray) ?? null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function itemAt(value: unknown, number: number, file: string): Item {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Item;
  throw usage(`Line ${number} of ${file} is not a JSON object.`);
}
