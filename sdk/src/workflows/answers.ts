/** Schemas of answers about workflows. See `answer-form.ts`. */
import { z } from "zod";
import {
  count,
  flag,
  list,
  object,
  row,
  text,
  texts,
  value,
  word,
} from "../contract/answer-form.ts";
import { fromRow } from "../link/rows.ts";
import type { Checkpoint, CheckpointKind, WorkflowInfo } from "./types.ts";

export const looked = row<{
  done: Record<string, unknown>;
  missing: string[];
  reread: boolean;
  waiting: boolean;
}>({ done: object, missing: texts, reread: flag, waiting: flag });
export type Looked = z.infer<typeof looked>;

export const reported = flag;
export const retried = count;
export const asked = row<{ id: string }>({ id: text });

const info = { id: text, name: text, version: text, status: word };
export const workflowRow = z.custom<Record<string, unknown>>(
  (given) => row(info as never).safeParse(given).success,
);
export const workflowRows = list(workflowRow);
export const movedRow = row<{ id: string; name: string; version: string; from: string }>({
  id: text,
  name: text,
  version: text,
  from: text,
});

/** How a child ended, as its wait records it. */
export interface ChildEnd {
  id: string;
  status: string;
  result?: unknown;
  error?: { code: string; message: string } | null;
}

/** How an approval ended, as its wait records it. */
export interface ApprovalEnd<Input> {
  id: string;
  status: string;
  input: Input;
  reasons: string[];
  waived: string | null;
}

export interface FailedStep {
  step: string;
  id?: string;
  status: string;
  error: { code: string; message: string } | null;
}
export const advanced = row<{
  waiting?: boolean;
  done?: boolean;
  result?: unknown;
  failed?: FailedStep;
}>({
  waiting: flag.optional(),
  done: flag.optional(),
  result: value.optional(),
  failed: z
    .custom<FailedStep>((given) => row({ step: text, status: word }).safeParse(given).success)
    .optional(),
});
export const graphInput = object;
export const setRow = row<{ name: string; version: string; set_at: string }>({
  name: text,
  version: text,
  set_at: text,
});
export const graphRow = row<{
  name: string;
  version: string;
  graph: Record<string, unknown>;
  set_by?: unknown;
  set_at: string;
}>({
  name: text,
  version: text,
  graph: object,
  set_by: value.optional(),
  set_at: text,
});
export const graphRows = list(
  row<{ name: string; version: string; steps: number; set_at: string }>({
    name: text,
    version: text,
    steps: count,
    set_at: text,
  }),
);

interface CheckpointRow {
  seq: number;
  name: string;
  result?: unknown;
  attempt: number;
  ms?: unknown;
  at: string;
}
export const historyPage = row<{ checkpoints: CheckpointRow[]; more: boolean }>({
  checkpoints: list(
    row<CheckpointRow>({
      seq: count,
      name: text,
      result: value.optional(),
      attempt: count,
      ms: value.optional(),
      at: text,
    }),
  ),
  more: flag,
});

export const toWorkflow = <Shown extends WorkflowInfo>(given: object) =>
  fromRow(given) as unknown as Shown;

const kinds: CheckpointKind[] = ["signal", "sleep", "child", "approve", "any", "now", "random"];

/**
 * A row of the history. The word before the colon in its name is its kind. In a map, the item comes before that
 * word.
 */
export function toCheckpoint({ ms, result, at, ...row }: CheckpointRow): Checkpoint {
  const [word = ""] = row.name.replace(/^.*\]\./, "").split(":", 1);
  const kind = kinds.find((one) => one === word && row.name.includes(":")) ?? "step";
  const own = /: (until|asked|begun)$/.exec(row.name)?.[1];
  return {
    ...row,
    kind:
      row.name === "report"
        ? "report"
        : own === "until"
          ? "timer"
          : ((own as "asked" | "begun") ?? kind),
    result: result ?? null,
    ms: typeof ms === "number" ? ms : null,
    at: new Date(at),
  };
}
