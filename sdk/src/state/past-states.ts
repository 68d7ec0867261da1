import {
  count,
  flag,
  list,
  maybeText,
  row,
  text,
  texts,
  value,
  word,
} from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import { instantOf } from "../contract/invalid.ts";
import { keptVersion } from "./answers.ts";
import type { StateCalls } from "./calls.ts";
import { type StateVersion, toVersion } from "./types.ts";

/** A time, or something that has one: a checkpoint of `mayfly.workflows.history(id)`. */
export type Moment = Date | { at: Date };

/** The states of one owner as they stood at a moment. */
export interface StatesAt {
  at: Date;
  /** The states, by key. */
  states: StateVersion[];
  /**
   * Keys of states that existed then, but of which that version is no longer kept. Only the newest hundred
   * versions are kept.
   */
  unkept: string[];
}

interface PastRow {
  key: string;
  version: number;
  value?: unknown;
  action: never;
  by: string | null;
  at: string;
}
interface Page {
  states: PastRow[];
  unkept: string[];
  last: string | null;
  more: boolean;
}
const page = row<Page>({
  states: list(
    row<PastRow>({
      key: text,
      version: count,
      value: value.optional(),
      action: word,
      by: maybeText,
      at: text,
    }),
  ),
  unkept: texts,
  last: maybeText,
  more: flag,
});

/** One state at a version. */
export const stateAt = <T>(calls: StateCalls, key: string, version: number) =>
  calls.call(
    "get_state",
    { key, version },
    keptVersion.nullable(),
    (row) => row && toVersion<T>(row),
  );

/** Reads the states as they stood at a moment, page by page. */
export async function statesAt(
  calls: StateCalls,
  moment: Moment,
  prefix: string,
): Promise<Result<StatesAt>> {
  const at = moment instanceof Date ? moment : moment.at;
  const found: StatesAt = { at, states: [], unkept: [] };
  let after: string | null = null;
  for (;;) {
    const values: Record<string, unknown> = {
      instant: instantOf(at),
      prefix,
      ...(after !== null && { after }),
    };
    const answer: Result<Page> = await calls.call("states_at", values, page, (given) => given);
    if (answer.error) return answer;
    const { states, unkept, last, more } = answer.data;
    found.states.push(
      ...states.map((one) => toVersion({ ...one, value: one.value ?? null } as never)),
    );
    found.unkept.push(...unkept);
    if (!more || last === null) return ok(found);
    after = last;
  }
}
