/** Schemas of answers about states. See `answer-form.ts`. */
import { z } from "zod";
import {
  count,
  type Fields,
  flag,
  maybeText,
  row,
  text,
  value,
  word,
} from "../contract/answer-form.ts";
import type {
  ChangeRow,
  KeptVersion,
  RecentRow,
  Reconciled,
  StateHead,
  StateRow,
  VersionRow,
} from "./types.ts";

const stateHead: Fields<StateHead> = {
  id: text,
  key: text,
  agent_id: maybeText,
  version: count,
  updated_by: maybeText,
  created_at: text,
  updated_at: text,
  expires_at: maybeText,
};
export const stateInfo = row<StateHead>(stateHead);
export const recentRow = row<RecentRow>({ ...stateHead, deleted_at: maybeText });
export const stateRow = row<StateRow>({ ...stateHead, value });
const version = { version: count, action: word, by: maybeText, at: text };
export const versionRow = row<VersionRow>({ ...version, bytes: count });
export const keptVersion = row<KeptVersion>({ ...version, key: text, value });
export const changeRow = row<ChangeRow>({
  ...version,
  id: text,
  key: text,
  agent_id: maybeText,
  value,
});
/** A state in the form of the table. */
type TableState = Omit<StateRow, "created_at" | "expires_at"> & { deleted_at: string | null };
export const tableState = row<TableState>({
  id: text,
  key: text,
  agent_id: maybeText,
  version: count,
  value,
  updated_by: maybeText,
  updated_at: text,
  deleted_at: maybeText,
});
export const reconciled = row<Omit<Reconciled, "state"> & { state: StateRow | null }>({
  outcome: word,
  conflicts: z.array(z.custom<Reconciled["conflicts"][number]>((one) => one instanceof Object)),
  state: stateRow.nullable(),
});
export const swapped = row<{ written: boolean; state: StateRow | null }>({
  written: flag,
  state: stateRow.nullable(),
});
