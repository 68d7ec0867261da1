import { v7 as uuidv7 } from "uuid";
import type { DebugCategory, DebugData, DebugRow } from "../contract/debug.ts";
import type { Masker } from "./mask.ts";

/** A record with more bytes is sent without its data. */
const maxBytes = 32_000;
const encoder = new TextEncoder();

interface Told {
  level: number;
  category: DebugCategory;
  name: string;
  data: DebugData;
  durationMs?: number;
}

/** A record as it is sent, masked. */
export function makeRow(masker: Masker, { level, category, name, data, durationMs }: Told) {
  const told = masker.copy(readData(data));
  const row: DebugRow = {
    id: uuidv7(),
    level,
    category,
    name: masker.text(String(name)).slice(0, 200).toWellFormed() || category,
    at: new Date().toISOString(),
  };
  if (told !== undefined) row.data = told;
  if (durationMs !== undefined && durationMs >= 0 && durationMs < 1e9) row.duration_ms = durationMs;
  return row;
}

/** Reduces a record that is too large. Returns its size in bytes. */
export function fitRow(row: DebugRow): number {
  const bytes = bytesOf(row);
  if (bytes <= maxBytes) return bytes;
  row.data = { left_out: "too large", bytes };
  return bytesOf(row);
}

const bytesOf = (row: DebugRow) => encoder.encode(JSON.stringify(row)).length;

function readData(data: DebugData): unknown {
  if (typeof data !== "function") return data;
  try {
    return (data as () => unknown)();
  } catch (error) {
    return { could_not_be_read: error };
  }
}
